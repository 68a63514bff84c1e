import type { MessageSummary } from '../../mailbox/mail-store.ts';
import type { SelectedFolder } from '../selected/selected-folder.ts';
import { formatDateTime } from '../wire/format.ts';
import type { ImapWriter } from '../wire/response-writer.ts';
import { decodedPart } from './binary.ts';
import { formatBodyStructure } from './body-structure.ts';
import { formatEnvelope } from './envelope.ts';
import { type AttributeItem, type BinaryItem, type FetchItem, partNeeded, type SectionItem } from './items.ts';
import type { FetchedMessage } from './message-source.ts';
import { headerOctets, sectionOctets } from './section.ts';

/** An item's value: text, bytes in memory, or the content as a stream. */
type Value = string | { readonly octets: Buffer; readonly as: '' | '~' } | 'stream';

/** Writes one message's FETCH response: `* 12 FETCH (…)`. */
export async function respondToFetch(
  out: ImapWriter,
  folder: SelectedFolder,
  message: MessageSummary,
  source: FetchedMessage,
  items: readonly FetchItem[],
): Promise<void> {
  // Computed before the response begins, so that a message that is gone leaves no partial response.
  const streams = items.filter((item) => partNeeded(item) !== 'none').length === 1 && source.unread !== undefined;
  const values: [string, Value][] = [];
  for (const item of items) values.push([labelOf(item), await itemValue(item, folder, message, source, streams)]);
  // Another session may have changed the flags while the content was awaited.
  const now = folder.get(message.uid) ?? message;
  if (items.some(({ kind }) => kind === 'FLAGS')) folder.announceKeywords(now.flags, out);
  for (const [index, { kind }] of items.entries()) {
    if (kind === 'FLAGS' || kind === 'MODSEQ') values[index] = [kind, changingValue(kind, folder, now)];
  }
  out.beginResponse(`${folder.sequenceNumber(message.uid)} FETCH (`);
  for (const [index, [label, value]] of values.entries()) {
    out.raw(`${index > 0 ? ' ' : ''}${label} `);
    await write(out, value, source);
  }
  out.endResponse(')');
  await out.drained();
}

function labelOf(item: FetchItem): string {
  return 'label' in item ? item.label : item.kind;
}

async function write(out: ImapWriter, value: Value, source: FetchedMessage): Promise<void> {
  const { unread } = source;
  if (value === 'stream' && unread !== undefined) await out.literal(unread.size, unread.stream);
  else if (typeof value === 'string') out.raw(value);
  else await out.literalOctets(value.octets, value.as);
}

async function itemValue(
  item: FetchItem,
  folder: SelectedFolder,
  message: MessageSummary,
  source: FetchedMessage,
  streams: boolean,
): Promise<Value> {
  if (item.kind === 'SECTION') return sectionValue(item, source, streams);
  if ('path' in item) return binaryValue(item, source);
  return attributeValue(item, folder, message, source);
}

async function attributeValue(
  { kind }: AttributeItem,
  folder: SelectedFolder,
  message: MessageSummary,
  source: FetchedMessage,
): Promise<string> {
  switch (kind) {
    case 'UID':
      return String(message.uid);
    case 'INTERNALDATE':
      return formatDateTime(new Date(message.receivedMs));
    case 'RFC822.SIZE':
      return String(message.size);
    case 'FLAGS':
    case 'MODSEQ':
      return changingValue(kind, folder, message);
    case 'EMAILID':
      return `(${folder.emailId(message.uid)})`;
    case 'THREADID':
      return message.threadId === undefined ? 'NIL' : `(${message.threadId})`;
    case 'ENVELOPE':
      return formatEnvelope(await source.header());
    default:
      return formatBodyStructure(await source.parsed(), kind === 'BODYSTRUCTURE');
  }
}

/** Values that other sessions can change. */
function changingValue(kind: 'FLAGS' | 'MODSEQ', folder: SelectedFolder, { uid, modseq }: MessageSummary): string {
  return kind === 'MODSEQ' ? `(${modseq})` : `(${folder.flagsOf(uid).join(' ')})`;
}

async function sectionValue(item: SectionItem, source: FetchedMessage, streams: boolean): Promise<Value> {
  const { section, range } = item;
  const isWhole = section.path.length === 0 && section.what === 'ALL';
  if (isWhole && streams && (range === undefined || item.rangeGiven)) return 'stream';
  const octets =
    partNeeded(item) === 'header'
      ? headerOctets(await source.header(), section)
      : isWhole
        ? await source.octets()
        : sectionOctets(await source.parsed(), section);
  if (octets === undefined) return 'NIL';
  if (range === undefined || (isWhole && item.rangeGiven)) return { octets, as: '' };
  return { octets: octets.subarray(range.offset, range.offset + range.length), as: '' };
}

async function binaryValue({ kind, path, range }: BinaryItem, source: FetchedMessage): Promise<Value> {
  const octets = decodedPart(await source.parsed(), path);
  if (kind === 'BINARY.SIZE') return String(octets?.length ?? 0);
  if (octets === undefined) return 'NIL';
  const wanted = range === undefined ? octets : octets.subarray(range.offset, range.offset + range.length);
  return { octets: wanted, as: wanted.includes(0) ? '~' : '' };
}
