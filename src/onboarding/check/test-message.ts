import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { couriers } from '../../couriers/registry.ts';
import type { CourierOrder } from '../../message/courier-kind.ts';
import type { OutgoingMessage } from '../../message/delivery.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { CheckedAccount } from './subject.ts';

/** A small message that says what it is. @param as a sender other than the mailbox */
export function testMessage(
  { username, mailbox }: Pick<CheckedAccount, 'username' | 'mailbox'>,
  order: CourierOrder,
  recipients: readonly string[],
  nowMs: number,
  as?: OtherSender,
): OutgoingMessage & { readonly subject: string; readonly messageId: string } {
  const id = randomUUID();
  const from = as?.address ?? mailbox;
  const messageId = `<${id}@${mailbox.split('@')[1] ?? 'localhost'}>`;
  const subject = `mailbridge test ${id.slice(0, 8)}`;
  const lines = [
    `From: <${from}>`,
    // The bridge adds it to its clients' mail.
    ...(as?.as === 'on-behalf' ? [`Sender: <${mailbox}>`] : []),
    `To: ${recipients.map((address) => `<${address}>`).join(', ')}`,
    `Subject: ${subject}`,
    `Date: ${new Date(nowMs).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: ${messageId}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `This is the test message of "mailbridge check". It was sent as ${from} by ${order.map((courier) => couriers[courier].medium).join(' or ')}`,
    `for the account "${username}". Mail of that account goes the same way.`,
    '',
  ];
  const octets = Buffer.from(lines.join('\r\n'));
  return {
    id,
    subject,
    messageId,
    mailbox,
    envelope: {
      reversePath: from,
      recipients: recipients.map((address) => ({ address })),
      eightBit: octets.some((octet) => octet > 127),
      smtpUtf8: [from, mailbox, ...recipients].some((address) => /[^\0-\x7f]/.test(address)),
    },
    size: octets.length,
    open: () => Readable.from([octets]),
  };
}
