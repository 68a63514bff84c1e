import { Readable } from 'node:stream';
import PostalMime from 'postal-mime';
import { expect, test } from 'vitest';
import { composeBounce } from '../../src/app/bounce.ts';
import type { RecipientOutcome } from '../../src/message/delivery.ts';
import type { QueuedMessage } from '../../src/queue/message.ts';
import { FakeClock } from '../support/fake-clock.ts';

const clock = new FakeClock();
const original = 'From: reports@contoso.example\r\nMessage-ID: <77@mfp>\r\nSubject: Scan 77\r\n\r\nsecret body\r\n';
const refused: RecipientOutcome = {
  address: 'bo@fabrikam.example',
  outcome: 'permanent',
  code: '5.7.60',
  text: '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
  remedy: 'Allow it.',
};

function queued(change: Partial<QueuedMessage> = {}): QueuedMessage {
  const recipients = [{ address: 'ann@contoso.example' }, { address: 'bo@fabrikam.example' }];
  return {
    id: 'q1',
    account: 'scanner',
    connection: 'contoso',
    mailbox: 'reports@contoso.example',
    courier: 'smtp',
    envelope: { reversePath: 'mfp@contoso.example', recipients, eightBit: false, smtpUtf8: false },
    recipients: recipients.map((each) => ({ ...each, state: 'pending' })),
    isBounce: false,
    size: original.length,
    state: 'queued',
    attempts: 0,
    receivedAtMs: clock.now(),
    expiresAtMs: clock.now() + 1000,
    nextAttemptAtMs: clock.now(),
    ...change,
  };
}

function bounce(message: QueuedMessage, failed: RecipientOutcome[] = [refused]) {
  const verdict = { recipients: [], state: 'failed' as const, nextAttemptAtMs: 0, failed, needsAdmin: undefined };
  const open = () => Readable.from([Buffer.from(original)]);
  return composeBounce(message, verdict, { hostname: 'bridge.example', clock, expireAfterMs: 5000, open });
}

test('goes to the reverse-path with a null reverse-path, by the way the message was to go', async () => {
  const made = await bounce(queued());
  expect(made?.message).toMatchObject({
    isBounce: true,
    mailbox: 'reports@contoso.example',
    courier: 'smtp',
    envelope: { reversePath: '', recipients: [{ address: 'mfp@contoso.example' }] },
    expiresAtMs: clock.now() + 5000,
  });
  const parsed = await PostalMime.parse(made?.content ?? '');
  expect(parsed.to?.[0]?.address).toBe('mfp@contoso.example');
  expect(parsed.inReplyTo).toBe('<77@mfp>');
  const text = made?.content.toString() ?? '';
  expect(text).toContain('Final-Recipient: rfc822; bo@fabrikam.example');
  expect(text).toContain('Status: 5.7.60');
  expect(text.replace(/\r\n +/g, ' ')).toContain('Client does not have permissions to send as this sender');
  expect(text).not.toContain('ann@contoso.example');
  expect(text).not.toContain('secret body');
});

test('says that time ran out where the upstream only put the message off', async () => {
  const made = await bounce(queued(), [{ ...refused, outcome: 'temporary', code: '4.3.2', text: 'busy' }]);
  expect(made?.content.toString()).toContain('Status: 5.4.7');
});

test('is not sent to nobody, for a bounce, or to those who did not want to hear of it', async () => {
  const { envelope } = queued();
  expect(await bounce(queued({ isBounce: true }))).toBeUndefined();
  expect(await bounce(queued({ envelope: { ...envelope, reversePath: '' } }))).toBeUndefined();
  const quiet = { address: 'bo@fabrikam.example', dsn: { notify: ['NEVER'] as const }, state: 'pending' as const };
  expect(await bounce(queued({ recipients: [quiet] }))).toBeUndefined();
});
