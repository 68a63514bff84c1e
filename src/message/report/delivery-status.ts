import { randomBytes } from 'node:crypto';
import { isValidAddress } from '../address/address.ts';
import { HeaderBlock } from '../header/fields.ts';
import { formatDate, makeMessageId } from '../header/repair.ts';
import { decodedWords, encodedWords, quotedPrintable } from '../mime/encodings.ts';
import { asciiLine, foldedField, hostToken, isAscii, oneLine } from '../safe-text.ts';
import type { DeliveryStatusFacts, ReportedRecipient } from './facts.ts';
import { humanPart } from './text.ts';

const maxReturnedBytes = 64 * 1024;

/**
 * Creates a delivery status notification (multipart/report, RFC 3464 and RFC 6522) with CRLF line ends: a part for
 * people, one for programs, and the header of the message or the message. All ASCII, unless a recipient's address (RFC
 * 6533) or the returned message is not: it then needs 8BITMIME, and SMTPUTF8 if `to` is not ASCII.
 * @throws RangeError without recipients
 */
export function deliveryStatusMessage(facts: DeliveryStatusFacts): Buffer {
  if (facts.recipients.length === 0) throw new RangeError('A delivery report needs a recipient.');
  const original = readOriginal(facts.originalHeaders);
  const whole = facts.returnWhole && isTransportable(facts.originalHeaders) ? facts.originalHeaders : undefined;
  const boundary = facts.boundary ?? `=_report_${randomBytes(18).toString('hex')}`;
  return Buffer.concat([
    Buffer.from(reportHeader(facts, original, boundary)),
    part(boundary, textPart(humanPart(facts, original, whole ? 'message' : 'header'))),
    part(boundary, statusPart(facts)),
    part(boundary, whole ? messagePart(whole) : headersPart(original)),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

/** Parses the returned header, only whole fields. */
function readOriginal(octets: Buffer): HeaderBlock {
  const header = HeaderBlock.parse(octets.subarray(0, maxReturnedBytes));
  const isCut = octets.length > maxReturnedBytes && header.byteLength === maxReturnedBytes && !header.hasEmptyLine;
  const last = header.fields.at(-1);
  return HeaderBlock.parse(header.edit(isCut && last ? { drop: (field) => field === last } : {}));
}

function reportHeader(facts: DeliveryStatusFacts, original: HeaderBlock, boundary: string): string {
  const mta = hostToken(facts.reportingMta, 'localhost');
  const from = isValidAddress(facts.from) ? facts.from : `MAILER-DAEMON@${mta}`;
  const to = isValidAddress(facts.to, { smtpUtf8: true }) ? `<${facts.to}>` : 'undisclosed-recipients:;';
  const messageId = original.get('Message-ID') ?? '';
  const isThreadable = /^<[!-;=?-~]{3,250}>$/.test(messageId);
  return [
    foldedField('Date', formatDate(facts.date ?? new Date())),
    `From: Mail Delivery System <${from}>\r\n`,
    `To: ${to}\r\n`,
    foldedField('Subject', subjectOf(facts, original)),
    `Message-ID: ${facts.messageId ?? makeMessageId(mta)}\r\n`,
    isThreadable ? `In-Reply-To: ${messageId}\r\nReferences: ${messageId}\r\n` : '',
    'Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"\r\n`,
    '\r\nThis is a delivery report in MIME format.\r\n',
  ].join('');
}

function subjectOf(facts: DeliveryStatusFacts, original: HeaderBlock): string {
  const words = { failed: 'Undeliverable', delayed: 'Delayed', relayed: 'Relayed' } as const;
  const worst = (['failed', 'delayed'] as const).find((each) => facts.recipients.some(({ action }) => action === each));
  const subject = oneLine(decodedWords((original.get('Subject') ?? '').slice(0, 2000)), 200);
  const text = isAscii(subject) ? subject : encodedWords(subject);
  return `${words[worst ?? 'relayed']}: ${text || '(no subject)'}`;
}

interface Part {
  readonly header: string;
  readonly body: Buffer;
}

function part(boundary: string, { header, body }: Part): Buffer {
  return Buffer.concat([Buffer.from(`--${boundary}\r\n${header}\r\n`), body, Buffer.from('\r\n')]);
}

function textPart(text: string): Part {
  const type = 'Content-Type: text/plain; charset=utf-8\r\n';
  if (isAscii(text)) return { header: `${type}Content-Transfer-Encoding: 7bit\r\n`, body: Buffer.from(text) };
  const header = `${type}Content-Transfer-Encoding: quoted-printable\r\n`;
  return { header, body: quotedPrintable(Buffer.from(text)) };
}

function statusPart(facts: DeliveryStatusFacts): Part {
  const isGlobal = facts.recipients.some((recipient) => !isAscii(recipient.address));
  const header = isGlobal
    ? 'Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n'
    : 'Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n';
  const envid = asciiLine(facts.envid ?? '', 100);
  const message = [
    `Reporting-MTA: dns; ${hostToken(facts.reportingMta, 'localhost')}\r\n`,
    envid ? foldedField('Original-Envelope-Id', envid) : '',
    `Arrival-Date: ${formatDate(facts.arrivalDate)}\r\n`,
  ].join('');
  const recipients = facts.recipients.map((recipient) => recipientFields(facts, recipient, isGlobal));
  return { header, body: Buffer.from([message, ...recipients].join('\r\n')) };
}

const defaultStatus = { failed: '5.0.0', delayed: '4.0.0', relayed: '2.0.0' } as const;

/** RFC 3464 section 2.3; in a global report values may be UTF-8 (RFC 6533 section 3). */
function recipientFields(facts: DeliveryStatusFacts, recipient: ReportedRecipient, isGlobal: boolean): string {
  const line = isGlobal ? oneLine : asciiLine;
  const { action, diagnostic } = recipient;
  const status = /^[245]\.\d{1,3}\.\d{1,3}$/.test(recipient.status) ? recipient.status : undefined;
  const type = isAscii(recipient.address) ? 'rfc822' : 'utf-8';
  const willRetry = action === 'delayed' && facts.willRetryUntil;
  return [
    recipient.orcpt?.includes(';') ? foldedField('Original-Recipient', line(recipient.orcpt, 500)) : '',
    foldedField('Final-Recipient', `${type}; ${line(recipient.address, 320)}`),
    `Action: ${action}\r\nStatus: ${status ?? defaultStatus[action]}\r\n`,
    facts.remoteMta ? `Remote-MTA: dns; ${hostToken(facts.remoteMta, 'unknown')}\r\n` : '',
    foldedField('Diagnostic-Code', /^[\w-]+;/.test(diagnostic) ? line(diagnostic) : `x-unknown; ${line(diagnostic)}`),
    `Last-Attempt-Date: ${formatDate(facts.date ?? new Date())}\r\n`,
    willRetry ? `Will-Retry-Until: ${formatDate(willRetry)}\r\n` : '',
  ].join('');
}

/**
 * Quoted-printable if the header is not plain ASCII or has a line that is too long: what was received is returned
 * exactly.
 */
function headersPart(original: HeaderBlock): Part {
  const text = original.raw.subarray(0, -2).toString('latin1');
  const isPlain = /^[\t\r\n -~]*$/.test(text) && !/[^\r]\n|\r[^\n]|[^\n]{1000}/.test(text);
  const type = 'Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: ';
  const octets = Buffer.from(text, 'latin1');
  if (isPlain) return { header: `${type}7bit\r\n`, body: octets };
  return { header: `${type}quoted-printable\r\n`, body: quotedPrintable(octets) };
}

/** Tells whether a message can be embedded in another unencoded (RFC 2046 section 5.2.1). */
function isTransportable(message: Buffer): boolean {
  return !/\0|[^\r]\n|\r[^\n]|[^\n]{1000}/.test(message.toString('latin1'));
}

function messagePart(message: Buffer): Part {
  const encoding = message.some((octet) => octet > 0x7f) ? '8bit' : '7bit';
  return { header: `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ${encoding}\r\n`, body: message };
}
