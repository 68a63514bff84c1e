import type { MessageSummary } from '../../mailbox/mail-store.ts';
import { formatDateTime } from '../wire/format.ts';
import type { ImapWriter } from '../wire/response-writer.ts';
import { formatBodyStructure } from './body-structure.ts';
import { formatEnvelope } from './envelope.ts';
import type { FetchItem, SectionItem } from './items.ts';
import type { FetchedMessage } from './message-source.ts';
import { sectionOctets } from './section.ts';

/** One message's FETCH response: `* 12 FETCH (…)`. */
export async function respondToFetch(
  out: ImapWriter,
  sequenceNumber: number,
  message: MessageSummary,
  source: FetchedMessage,
  items: readonly FetchItem[],
): Promise<void> {
  // Asked for before the response begins, so that a message that is gone leaves no half response behind.
  const first = items.find((item) => item.kind === 'SECTION' && streamable(item));
  const opened = first?.kind === 'SECTION' ? await source.stream(first.range) : undefined;
  if (items.some((item) => needsParts(item))) await source.parsed();
  out.raw(`* ${sequenceNumber} FETCH (`);
  for (const [index, item] of items.entries()) {
    if (index > 0) out.raw(' ');
    if (item.kind !== 'SECTION') {
      out.raw(`${item.kind} ${await formatAttribute(item.kind, message, source)}`);
    } else {
      out.raw(`${item.label} `);
      const content = item === first && opened !== undefined ? opened : undefined;
      await respondWithSection(out, item, source, content);
    }
  }
  out.raw(')\r\n');
  await out.drained();
}

function streamable(item: SectionItem): boolean {
  return item.section.path.length === 0 && item.section.what === 'ALL';
}

function needsParts(item: FetchItem): boolean {
  if (item.kind === 'SECTION') return !streamable(item);
  return item.kind === 'ENVELOPE' || item.kind === 'BODY' || item.kind === 'BODYSTRUCTURE';
}

async function formatAttribute(
  kind: Exclude<FetchItem['kind'], 'SECTION'>,
  message: MessageSummary,
  source: FetchedMessage,
): Promise<string> {
  switch (kind) {
    case 'UID':
      return String(message.uid);
    case 'FLAGS':
      return `(${message.flags.join(' ')})`;
    case 'INTERNALDATE':
      return formatDateTime(message.internalDate);
    case 'RFC822.SIZE':
      return String(message.size);
    case 'ENVELOPE':
      return formatEnvelope((await source.parsed()).root.header);
    default:
      return formatBodyStructure(await source.parsed(), kind === 'BODYSTRUCTURE');
  }
}

async function respondWithSection(
  out: ImapWriter,
  item: SectionItem,
  source: FetchedMessage,
  opened: Awaited<ReturnType<FetchedMessage['stream']>> | undefined,
): Promise<void> {
  if (streamable(item)) {
    const content = opened ?? (await source.stream(item.range));
    if (content.size !== undefined) return out.literal(content.size, content.stream);
    content.stream.destroy();
  }
  const octets = streamable(item) ? await source.octets() : sectionOctets(await source.parsed(), item.section);
  if (octets === undefined) return out.raw('NIL');
  const { offset, length } = item.range ?? { offset: 0, length: octets.length };
  await out.literalOctets(octets.subarray(offset, offset + length));
}
