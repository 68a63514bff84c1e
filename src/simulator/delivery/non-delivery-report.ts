import { randomUUID } from 'node:crypto';
import { headerFields, type StampedField } from './message-headers.ts';

/** The recipient is unknown. */
const status = '5.1.10';

/** What Exchange sends back for recipients that do not exist (RFC 3464, multipart/report). */
export function nonDeliveryReport(
  domain: string,
  sender: string,
  unknown: readonly string[],
  original: Buffer,
): Buffer {
  const boundary = `_ndr_${randomUUID()}_`;
  const fields = headerFields(original);
  const subject = fieldValue(fields, 'subject');
  const lines = [
    `From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@${domain}>`,
    `To: <${sender}>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${randomUUID()}@${domain}>`,
    ...(fieldValue(fields, 'message-id') ? [`In-Reply-To: ${fieldValue(fields, 'message-id')}`] : []),
    `Subject: Undeliverable: ${subject}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Delivery has failed to these recipients or groups:',
    '',
    ...unknown.map((address) => `${address}: the email address you entered couldn't be found.`),
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns;${domain}`,
    '',
    ...unknown.flatMap((address) => recipientLines(address)),
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
  ];
  const headerEnd = fields.at(-1)?.end ?? 0;
  return Buffer.concat([
    Buffer.from(`${lines.join('\r\n')}\r\n`),
    original.subarray(0, headerEnd),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

function recipientLines(address: string): readonly string[] {
  const diagnostic = `550 ${status} RESOLVER.ADR.RecipientNotFound; Recipient ${address} not found by SMTP address lookup`;
  return [
    `Final-Recipient: rfc822;${address}`,
    'Action: failed',
    `Status: ${status}`,
    `Diagnostic-Code: smtp;${diagnostic}`,
    '',
  ];
}

function fieldValue(fields: readonly StampedField[], name: string): string {
  return fields.find((field) => field.name === name)?.value ?? '';
}
