import { writtenAddresses } from '../../../message/address/written.ts';
import { encodedWords } from '../../../message/mime/encodings.ts';
import { isAscii, oneLine } from '../../../message/safe-text.ts';
import type { Ancestry } from '../index/message-table.ts';
import type { EnvelopeFacts, NamedAddress } from '../remote/facts.ts';

/** Header fields that the index can provide without a request, in lower case. */
export const toldFields: ReadonlySet<string> = new Set([
  'date',
  'subject',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'in-reply-to',
  'references',
  'message-id',
]);

/** Builds the header from Graph's own properties: what ENVELOPE and most message lists show. */
export function toldHeader(envelope: EnvelopeFacts, { inReplyTo, references }: Ancestry): Buffer {
  const { date, subject, messageId } = envelope;
  const fields: [name: string, value: string | undefined][] = [
    ['Date', date === undefined ? undefined : dateOf(date)],
    ['From', addresses(envelope.from)],
    ['Sender', addresses(envelope.sender)],
    ['Reply-To', addresses(envelope.replyTo)],
    ['To', addresses(envelope.to)],
    ['Cc', addresses(envelope.cc)],
    ['Bcc', addresses(envelope.bcc)],
    ['Subject', subject === undefined ? undefined : textOf(subject)],
    ['Message-ID', messageId && oneLine(messageId, maxLength)],
    ['In-Reply-To', inReplyTo && oneLine(inReplyTo, maxLength)],
    ['References', references && idsOf(references)],
  ];
  const lines = fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${lines.join('')}\r\n`);
}

const maxLength = 900;
/** If there are more references, the nearest are kept. */
const maxReferences = 100;

/** One message ID per line: a field with many would exceed the line length limit. */
function idsOf(references: string): string {
  const ids = references.match(/<[^<>\s]{1,900}>/g) ?? [];
  return ids.slice(-maxReferences).join('\r\n ');
}

/** RFC 5322 section 3.3; Graph reports times only in UTC. */
function dateOf(iso: string): string | undefined {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? undefined : date.toUTCString().replace('GMT', '+0000');
}

function addresses(named: readonly NamedAddress[] | undefined): string | undefined {
  return (
    named &&
    writtenAddresses(
      named.map(([name, address]) => ({ name: name === address ? '' : name, address: oneLine(address, maxLength) })),
    )
  );
}

function textOf(text: string): string {
  const line = oneLine(text, maxLength);
  return isAscii(line) ? line : encodedWords(line).replaceAll(' ', '\r\n ');
}
