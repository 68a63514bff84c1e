import { writtenAddresses } from '../../../message/address/written.ts';
import { encodedWords } from '../../../message/mime/encodings.ts';
import { isAscii, oneLine } from '../../../message/safe-text.ts';
import type { Ancestry } from '../index/message-table.ts';
import type { EnvelopeFacts, NamedAddress } from '../remote/facts.ts';

type FieldWriter = (envelope: EnvelopeFacts, ancestry: Ancestry) => string | undefined;

const fieldWriters: Readonly<Record<string, FieldWriter>> = {
  Date: ({ date }) => date && dateOf(date),
  From: ({ from }) => addresses(from),
  Sender: ({ sender }) => addresses(sender),
  'Reply-To': ({ replyTo }) => addresses(replyTo),
  To: ({ to }) => addresses(to),
  Cc: ({ cc }) => addresses(cc),
  Bcc: ({ bcc }) => addresses(bcc),
  Subject: ({ subject }) => subject && textOf(subject),
  'Message-ID': ({ messageId }) => messageId && oneLine(messageId, maxLength),
  'In-Reply-To': (_, { inReplyTo }) => inReplyTo && oneLine(inReplyTo, maxLength),
  References: (_, { references }) => references && idsOf(references),
};

/** Header fields that the index can provide without a request, in lower case. */
export const toldFields: ReadonlySet<string> = new Set(Object.keys(fieldWriters).map((name) => name.toLowerCase()));

/**
 * Builds the header from Graph's own properties: what ENVELOPE and most message lists show.
 * @param wanted the fields to write, in lower case
 */
export function toldHeader(envelope: EnvelopeFacts, ancestry: Ancestry, wanted = toldFields): Buffer {
  let lines = '';
  for (const [name, write] of Object.entries(fieldWriters)) {
    const value = wanted.has(name.toLowerCase()) ? write(envelope, ancestry) : undefined;
    if (value) lines += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${lines}\r\n`);
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
