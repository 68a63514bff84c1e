import { Readable } from 'node:stream';
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { enhancedStatus } from '../../src/couriers/enhanced-status.ts';
import { couriers } from '../../src/couriers/registry.ts';
import type { RecipientOutcome } from '../../src/message/delivery.ts';
import type { EnvelopeRecipient } from '../../src/message/envelope.ts';
import { composeBounces, composeDelayWarning } from '../../src/notices/bounce.ts';
import type { NoticeAddresses } from '../../src/notices/readers.ts';
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
const both: readonly EnvelopeRecipient[] = [{ address: 'ann@contoso.example' }, { address: 'bo@fabrikam.example' }];

function queued(change: Partial<QueuedMessage> = {}, recipients = both): QueuedMessage {
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

function optionsFor(content: string | Buffer) {
  const open = async () => Readable.from([Buffer.from(content)]);
  const facts = { hostname: 'bridge.example', clock, expireAfterMs: 5000, couriers, statusOf: enhancedStatus };
  return { ...facts, open, keepsSubjects: true, remoteMta: () => 'smtp.office365.com' };
}

async function bounce(message: QueuedMessage, outcomes = [refused], { content = original }: Given = {}) {
  const [made, ...others] = await bounces(message, outcomes, { content });
  expect(others).toEqual([]);
  return made;
}

interface Given {
  readonly content?: string | Buffer;
  readonly addresses?: NoticeAddresses;
}

function bounces(message: QueuedMessage, outcomes: RecipientOutcome[], { content = original, addresses }: Given = {}) {
  const failed = outcomes.filter(({ outcome }) => outcome !== 'delivered');
  const delivered = outcomes.filter(({ outcome }) => outcome === 'delivered');
  const told = addresses && { addresses: () => addresses };
  return composeBounces(message, { failed, delivered }, { ...optionsFor(content), ...told });
}

/** The text of a notification, its folded fields on one line. */
async function text(made: ReturnType<typeof bounce>): Promise<string> {
  return (await made)?.content.toString('latin1').replace(/\r\n +/g, ' ') ?? '';
}

describe('the report of a failure', () => {
  test('goes to the reverse-path with a null reverse-path, by the way the message was to go', async () => {
    const made = await bounce(queued());
    expect(made?.message).toMatchObject({
      isBounce: true,
      noticeAbout: 'q1',
      mailbox: 'reports@contoso.example',
      courier: 'smtp',
      envelope: { reversePath: '', recipients: [{ address: 'mfp@contoso.example' }] },
      expiresAtMs: clock.now() + 5000,
    });
    const parsed = await PostalMime.parse(made?.content ?? '');
    expect(parsed.to?.[0]?.address).toBe('mfp@contoso.example');
    expect(parsed.inReplyTo).toBe('<77@mfp>');
    const said = await text(bounce(queued()));
    expect(said).toContain('\r\nAuto-Submitted: auto-replied\r\n');
    expect(said).toContain('Final-Recipient: rfc822; bo@fabrikam.example');
    expect(said).toContain('Action: failed\r\nStatus: 5.7.60\r\nRemote-MTA: dns; smtp.office365.com\r\n');
    expect(said).toContain(`Diagnostic-Code: smtp; ${refused.text}`);
    expect(said).toContain('What to do: Allow it.');
    expect(said).not.toContain('ann@contoso.example');
    expect(said).not.toContain('secret body');
  });

  test('says that time ran out where the upstream only put the message off', async () => {
    const said = await text(
      bounce(queued(), [{ ...refused, outcome: 'temporary', code: '4.3.2', text: '432 4.3.2 busy' }]),
    );
    expect(said).toContain('Status: 5.4.7');
    expect(said).toContain('Diagnostic-Code: smtp; 432 4.3.2 busy');
  });

  test.each([
    ['graph', 'ErrorSendAsDenied', '403 ErrorSendAsDenied: No.', '5.7.1', 'x-graph; 403 ErrorSendAsDenied: No.'],
    ['graph', 'SomethingNew', '400 SomethingNew: No.', '5.0.0', 'x-graph; 400 SomethingNew: No.'],
    ['graph', '5.1.1', '550 5.1.1 By SMTP.', '5.1.1', 'smtp; 550 5.1.1 By SMTP.'],
    ['smtp', '554', '554 Transaction failed', '5.0.0', 'smtp; 554 Transaction failed'],
    [
      'smtp',
      'message-too-large-for-smtp',
      'Too large.',
      '5.3.4',
      'x-mailbridge; message-too-large-for-smtp Too large.',
    ],
  ] as const)(
    'by %s, %s: a status for machines and the very words',
    async (courier, code, words, status, diagnostic) => {
      const said = await text(bounce(queued({ courier }), [{ ...refused, code, text: words }]));
      expect(said).toContain(`Status: ${status}\r\n`);
      expect(said).toContain(`Diagnostic-Code: ${diagnostic}\r\n`);
    },
  );

  test('repeats ENVID and ORCPT', async () => {
    const message = queued({}, [{ address: 'bo@fabrikam.example', dsn: { orcpt: 'rfc822;bobby@x.example' } }]);
    const said = await text(bounce({ ...message, envelope: { ...message.envelope, dsn: { envid: 'job-17' } } }));
    expect(said).toContain('Original-Envelope-Id: job-17\r\n');
    expect(said).toContain('Original-Recipient: rfc822;bobby@x.example\r\n');
  });

  const full = (size = original.length) => queued({ size, envelope: { ...queued().envelope, dsn: { ret: 'FULL' } } });

  test('returns the whole message where the sender wants it', async () => {
    const said = await text(bounce(full()));
    expect(said).toContain(`Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${original}`);
    const eightBit = await bounce(full(), [refused], { content: Buffer.from(`${original}\xe4\r\n`, 'latin1') });
    expect(eightBit?.message.envelope.eightBit).toBe(true);
  });

  test.each([
    ['larger than a megabyte', full(2_000_000), original],
    ['with a line longer than SMTP takes', full(), `${original}${'x'.repeat(1200)}\r\n`],
  ])('returns the header of a message %s', async (_, message, content) => {
    const said = await text(bounce(message, [refused], { content }));
    expect(said).toContain('Content-Type: text/rfc822-headers');
    expect(said).not.toContain('secret body');
  });
});

describe('nothing is reported', () => {
  test('to nobody, of a report, or to those who did not want to hear of it', async () => {
    const { envelope } = queued();
    expect(await bounce(queued({ isBounce: true }))).toBeUndefined();
    expect(await bounce(queued({ envelope: { ...envelope, reversePath: '' } }))).toBeUndefined();
    for (const notify of [['NEVER'], ['SUCCESS', 'DELAY']] as const) {
      expect(await bounce(queued({}, [{ address: 'bo@fabrikam.example', dsn: { notify } }]))).toBeUndefined();
    }
  });

  test.each([
    'Auto-Submitted: auto-replied (vacation)',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=x',
  ])('of an answer of another machine: %s', async (field) => {
    expect(await bounce(queued(), [refused], { content: `${field}\r\n${original}` })).toBeUndefined();
  });

  test('of our own report, should it come back in as a message', async () => {
    const report = await bounce(queued());
    expect(await bounce(queued(), [refused], { content: report?.content ?? '' })).toBeUndefined();
  });

  test.each(['Auto-Submitted: auto-generated', 'Precedence: bulk', 'List-Id: <x.example>'])(
    'less than a failure where nobody waits: %s',
    async (field) => {
      const content = `${field}\r\n${original}`;
      expect(await bounce(queued(), [refused], { content })).toBeDefined();
      expect(await composeDelayWarning(queued(), optionsFor(content))).toBeUndefined();
    },
  );
});

describe('a success', () => {
  const taken: RecipientOutcome = {
    address: 'bo@fabrikam.example',
    outcome: 'delivered',
    code: '202',
    text: '202 Accepted',
  };
  const wanted = [{ address: 'bo@fabrikam.example', dsn: { notify: ['SUCCESS', 'FAILURE'] as const } }];

  test('is told as relayed where Graph takes no such wish', async () => {
    const said = await text(bounce(queued({ courier: 'graph' }, wanted), [taken]));
    expect(said).toContain('\r\nSubject: Relayed: Scan 77\r\n');
    expect(said).toContain('Action: relayed\r\nStatus: 2.0.0\r\n');
    expect(said).not.toContain('Will-Retry-Until');
  });

  test('is left to Exchange where it knows of the wish, and to nobody where there is none', async () => {
    expect(await bounce(queued({ courier: 'smtp' }, wanted), [taken])).toBeUndefined();
    expect(await bounce(queued({ courier: 'graph' }), [taken])).toBeUndefined();
    const bySmtp = { ...taken, code: '2.0.0', text: '250 2.0.0 OK <1@prod.outlook.com>' };
    expect(await bounce(queued({ courier: 'graph' }, wanted), [bySmtp])).toBeUndefined();
  });
});

describe('the warning of a delay', () => {
  test('says what is known, and until when it will be tried', async () => {
    const { address: _, ...last } = { ...refused, outcome: 'needs-admin' as const };
    const message = queued({ receivedAtMs: clock.now() - 4 * 3_600_000, expiresAtMs: Date.UTC(2026, 0, 7, 4) });
    const recipients = message.recipients.map((each, index) =>
      index === 0 ? { ...each, state: 'delivered' as const } : { ...each, last },
    );
    const said = await text(composeDelayWarning({ ...message, recipients }, optionsFor(original)));
    expect(said).toContain('\r\nSubject: Delayed: Scan 77\r\n');
    expect(said).toContain('Final-Recipient: rfc822; bo@fabrikam.example');
    expect(said).not.toContain('ann@contoso.example');
    expect(said).toContain('Action: delayed\r\nStatus: 4.7.60\r\n');
    expect(said).toContain('Will-Retry-Until: Wed, 07 Jan 2026 04:00:00 +0000');
    expect(said).toContain('you do not need to send it again');
  });

  test('names the message that it is about to the queue', async () => {
    const warning = await composeDelayWarning(queued(), optionsFor(original));
    expect(warning?.message).toMatchObject({ isBounce: true, noticeAbout: 'q1' });
  });

  test('of a message that no attempt was made for says that it waits', async () => {
    expect(await text(composeDelayWarning(queued(), optionsFor(original)))).toContain('It waits in the queue.');
  });

  test('goes to nobody who wants no such thing', async () => {
    const quiet = both.map((each) => ({ ...each, dsn: { notify: ['FAILURE'] as const } }));
    expect(await composeDelayWarning(queued({}, quiet), optionsFor(original))).toBeUndefined();
    expect(await composeDelayWarning(queued({ isBounce: true }), optionsFor(original))).toBeUndefined();
    const nobody = { ...queued().envelope, reversePath: '' };
    expect(await composeDelayWarning(queued({ envelope: nobody }), optionsFor(original))).toBeUndefined();
  });
});

describe('who hears of it', () => {
  const it = 'it@contoso.example';
  const admin = 'postmaster@contoso.example';
  const received = 'Received: from mfp-2nd-floor ([192.0.2.7])\r\n\tby bridge.example\r\n\twith ESMTPSA id q1; x\r\n';
  const bo = (notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE')[]) =>
    notify ? [{ address: 'bo@fabrikam.example', dsn: { notify } }] : [{ address: 'bo@fabrikam.example' }];
  const nobody = { envelope: { ...queued().envelope, reversePath: '' } };

  async function readers(message: QueuedMessage, addresses: NoticeAddresses, given: Given = {}): Promise<string[]> {
    const made = await bounces(message, [refused], { ...given, addresses });
    expect(made.every(({ message: { isBounce, envelope } }) => isBounce && envelope.reversePath === '')).toBe(true);
    expect(made.every(({ message: { mailbox } }) => mailbox === 'reports@contoso.example')).toBe(true);
    return made.map(({ message: { envelope } }) => envelope.recipients.map(({ address }) => address).join());
  }

  test.each([
    ['the sender', {}, ['mfp@contoso.example']],
    ['somebody in its place', { bounceTo: it }, [it]],
    ['an administrator besides', { failuresTo: admin }, ['mfp@contoso.example', admin]],
    ['both', { bounceTo: it, failuresTo: admin }, [it, admin]],
    ['one who is both, once', { bounceTo: 'IT@contoso.example', failuresTo: it }, ['IT@contoso.example']],
    ['the sender as administrator, once', { failuresTo: 'MFP@contoso.example' }, ['mfp@contoso.example']],
  ] as const)('%s', async (_, addresses, expected) => {
    expect(await readers(queued(), addresses)).toEqual(expected);
  });

  test.each([
    ['a null reverse-path is not answered, but others are told', nobody, both, [it, admin]],
    [
      'NOTIFY is the word of the sender, and of who stands in its place; the administrator hears all the same',
      {},
      bo(['NEVER']),
      [admin],
    ],
  ] as const)('%s', async (_, change, recipients, expected) => {
    expect(await readers(queued(change, recipients), { bounceTo: it, failuresTo: admin })).toEqual(expected);
    expect(await readers(queued(change, recipients), {})).toEqual([]);
  });

  test.each([
    ['a notice of our own', queued({ isBounce: true }), original],
    ['an answer', queued(), `Auto-Submitted: auto-replied\r\n${original}`],
    ['a report that somebody forwards', queued(nobody), `Content-Type: multipart/report; boundary=x\r\n${original}`],
  ])('of %s: nobody', async (_, message, content) => {
    expect(await readers(message, { bounceTo: it, failuresTo: admin }, { content })).toEqual([]);
  });

  test('of a success and of a delay: who stands in for the sender, not the administrator', async () => {
    const addresses = { bounceTo: it, failuresTo: admin };
    const taken = { ...refused, outcome: 'delivered', code: '202', text: '202 Accepted' } as const;
    const asked = queued({ courier: 'graph' }, bo(['SUCCESS']));
    const made = await bounces(asked, [taken], { addresses });
    expect(made.map(({ message }) => message.envelope.recipients)).toEqual([[{ address: it }]]);
    expect(await bounces({ ...asked, ...nobody }, [taken], { addresses })).toEqual([]);
    const options = { ...optionsFor(original), addresses: () => addresses };
    expect((await composeDelayWarning(queued(), options))?.message.envelope.recipients).toEqual([{ address: it }]);
    expect(await composeDelayWarning(queued(nobody), options)).toBeUndefined();
  });

  test('whoever did not send it is told which account and client did, the sender is not', async () => {
    const [sender, other] = await bounces(queued(), [refused], {
      content: received + original,
      addresses: { failuresTo: admin },
    });
    const lines = ['  Account: scanner', '  Sender: <mfp@contoso.example>', '  Client: mfp-2nd-floor ([192.0.2.7])'];
    expect(other?.content.toString()).toContain(`${lines.join('\r\n')}\r\n`);
    expect(sender?.content.toString()).not.toContain('Account:');
  });

  test('a Received field of another server does not tell the client', async () => {
    const content = received.replace('id q1', 'id q2') + original;
    const [made] = await bounces(queued(nobody), [refused], { content, addresses: { bounceTo: it } });
    expect(made?.content.toString()).toContain('  Sender: (null reverse-path)\r\n\r\n');
    expect(made?.content.toString()).not.toContain('Client:');
  });

  test('the whole message goes back to the sender alone', async () => {
    const message = queued({ envelope: { ...queued().envelope, dsn: { ret: 'FULL' } } });
    const [sender, other] = await bounces(message, [refused], { addresses: { failuresTo: admin } });
    expect(sender?.content.toString()).toContain('secret body');
    expect(other?.content.toString()).not.toContain('secret body');
    expect(other?.content.toString()).toContain('text/rfc822-headers');
  });

  test('an address beyond ASCII takes SMTPUTF8', async () => {
    const [made] = await bounces(queued(), [refused], { addresses: { bounceTo: 'jörg@contoso.example' } });
    expect(made?.message.envelope.smtpUtf8).toBe(true);
  });
});
