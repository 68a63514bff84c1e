import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { transactionRefusal } from '../../../src/couriers/exchange-smtp/errors.ts';
import { type CourierVerdict, reportForAll } from '../../../src/couriers/verdict.ts';
import { nullSenderFallback } from '../../../src/couriers/wrappers/null-sender.ts';
import { parseSmtpReply } from '../../../src/exchange/smtp/reply.ts';
import type { OutgoingMessage } from '../../../src/message/delivery.ts';

const taken: CourierVerdict = { outcome: 'delivered', code: '2.0.0', text: '250 2.0.0 OK' };

/** Delivers a message to a server that answers each attempt this way. @returns the reverse-paths it saw */
async function reversePaths(reversePath: string, ...replies: (string | CourierVerdict)[]) {
  const seen: string[] = [];
  const message: OutgoingMessage = {
    id: 'q1',
    mailbox: 'reports@contoso.com',
    envelope: { reversePath, recipients: [{ address: 'mfp@contoso.com' }], eightBit: false, smtpUtf8: false },
    size: 2,
    open: () => Readable.from([Buffer.from('\r\n')]),
  };
  const server = async (each: OutgoingMessage) => {
    const answer = replies[seen.length] ?? taken;
    seen.push(each.envelope.reversePath);
    return reportForAll(each, typeof answer === 'string' ? transactionRefusal(parseSmtpReply(answer)!) : answer);
  };
  const report = await nullSenderFallback({ deliver: server }).deliver(message, new AbortController().signal);
  return { seen, outcome: report.recipients[0]!.outcome };
}

test('a server that takes the null reverse-path gets nothing else', async () => {
  expect(await reversePaths('')).toEqual({ seen: [''], outcome: 'delivered' });
});

test.each([
  '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
  '554 5.2.252 SendAsDenied; reports@contoso.com not allowed to send as <>',
  '501 5.1.7 Invalid address',
  '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM',
])('a server that refuses it as a sender gets the mailbox instead: %s', async (refusal) => {
  expect(await reversePaths('', refusal)).toEqual({ seen: ['', 'reports@contoso.com'], outcome: 'delivered' });
});

test('a second refusal is the last', async () => {
  const refusal = '550 5.7.60 SMTP; Client does not have permissions to send as this sender';
  expect(await reversePaths('', refusal, refusal)).toEqual({ seen: ['', 'reports@contoso.com'], outcome: 'permanent' });
});

test.each([
  ['', '550 5.1.1 User unknown', 'permanent'],
  ['', '432 4.3.2 Concurrent connections limit exceeded', 'temporary'],
  ['boss@contoso.com', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'permanent'],
])('<%s> and %s: no second attempt', async (reversePath, refusal, outcome) => {
  expect(await reversePaths(reversePath, refusal)).toEqual({ seen: [reversePath], outcome });
});
