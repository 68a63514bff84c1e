import { expect, test } from 'vitest';
import { InUse } from '../../../src/base/in-use.ts';
import { transactionRefusal } from '../../../src/couriers/exchange-smtp/errors.ts';
import { reportForAll } from '../../../src/couriers/verdict.ts';
import { wrapped } from '../../../src/couriers/wrappers/wrapped.ts';
import { parseSmtpReply } from '../../../src/exchange/smtp/reply.ts';
import type { OutgoingMessage } from '../../../src/message/delivery.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { copyNotes, marker, outgoing, patience } from '../outgoing.ts';

const refusal = transactionRefusal(parseSmtpReply('550 5.7.60 SMTP; Client does not have permissions to send as')!);
const content = 'From: mfp@contoso.com\r\nTo: a@fabrikam.com\r\nMessage-ID: <1@mfp>\r\n\r\nHello.\r\n';

/** A courier that refuses every sender, with all its wrappers; what happened, in order. */
function refusing(copies: readonly string[] | undefined = undefined) {
  const happened: string[] = [];
  const inUse = new InUse();
  const courier = wrapped(
    {
      async deliver(message) {
        happened.push(`send from <${message.envelope.reversePath}>`);
        return reportForAll(message, refusal);
      },
    },
    {
      inUse,
      async actsFor(mailbox) {
        happened.push('who acts');
        void inUse.unused().then(() => happened.push('unused'));
        return mailbox;
      },
      look: {
        kind: 'graph',
        sentItems: {
          async find() {
            happened.push('look');
            return copies === undefined ? { markers: [], unseen: { notPermitted: true } } : { markers: copies };
          },
        },
        marker,
        copies: copyNotes(),
        onAmbiguity: 'resend',
        clock: new FakeClock(),
        settleMs: 60_000,
      },
    },
  );
  return { courier, happened };
}

function notification(clock = new FakeClock()): OutgoingMessage {
  const message = outgoing(content, { reversePath: '' });
  return { ...message, ambiguous: { addresses: ['a@fabrikam.com'], overAtMs: clock.now() - 120_000 } };
}

test('each attempt of a notification looks first, the remedy is spelled out at last, and all of it is in use', async () => {
  const { courier, happened } = refusing();
  const report = await courier.deliver(notification(), patience);
  await new Promise((resolve) => setImmediate(resolve));
  expect(happened).toEqual([
    ...['look', 'send from <>'],
    ...['look', 'send from <reports@contoso.com>'],
    'who acts',
    'unused',
  ]);
  expect(report.recipients[0]!.remedy).toContain(
    "The mailbox 'reports@contoso.com' may not send as 'mfp@contoso.com'.",
  );
});

test('what is in Sent Items already is not sent', async () => {
  const message = notification();
  const { courier, happened } = refusing([marker.of('m1', message.envelope.recipients)]);
  const report = await courier.deliver(message, patience);
  expect(happened).toEqual(['look']);
  expect(report.recipients).toMatchObject([{ outcome: 'delivered', code: 'found-in-sent-items' }]);
});
