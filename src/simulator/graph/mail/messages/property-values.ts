import { estimateOf } from '../../../mailboxes/mailbox-folder.ts';
import { type Described, edmDate } from './describe-message.ts';
import { normalizedId, propertyValue } from './extended-properties.ts';
import { imapDeleted, lastVerb, verbOf } from './message-flags.ts';

/** PidTagIconIndex for replied and forwarded messages ([MS-OXOMSG] section 2.2.1.10). */
const icons: Readonly<Record<string, string>> = { 102: '261', 103: '261', 104: '262' };

/** Bits of PidTagMessageFlags ([MS-OXCMSG] section 2.2.1.6). */
const messageFlags = { read: 1, unmodified: 2, unsent: 8, hasAttachments: 16 } as const;

/** Properties that are derived, whatever a client wrote; undefined if absent. */
const followed: Readonly<Record<string, (described: Described) => string | undefined>> = {
  [lastVerb]: verbIn,
  [imapDeleted]: ({ message }) => (message.flags.includes('\\Deleted') ? '1' : undefined),
  'integer 0xe07': messageFlagsOf,
  'integer 0xe08': ({ message }) => String(estimateOf(message.kept.size)),
  'systemtime 0xe06': ({ message }) => edmDate(message.internalDate),
};

/** Properties that have a default if no client wrote one. */
const otherwise: Readonly<Record<string, (described: Described) => string | undefined>> = {
  'integer 0x1080': (described) => icons[verbIn(described) ?? ''],
  'systemtime 0x1082': (described) => (verbIn(described) ? edmDate(described.message.modifiedAt) : undefined),
  'systemtime 0x39': ({ sentAt }) => edmDate(sentAt),
  // Made by transport: messages that the mailbox itself sent have none.
  'string 0x7d': ({ draft, folder, header }) =>
    draft === undefined && folder.name !== 'Sent Items' ? `${header.toString()}\r\n` : undefined,
};

/** A message's extended property, undefined if it has none. */
export function extendedProperty(described: Described, id: string): string | undefined {
  const key = normalizedId(id);
  const follows = followed[key];
  if (follows) return follows(described);
  const { draft, message } = described;
  const own = draft?.properties ?? message.properties ?? [];
  const written = own.find((property) => normalizedId(property.id) === key)?.value;
  return written ?? otherwise[key]?.(described) ?? propertyValue(id, own, () => described.fields);
}

function verbIn({ message }: Described): string | undefined {
  return verbOf(message, message.properties ?? []);
}

function messageFlagsOf(described: Described): string {
  const { read, unmodified, unsent, hasAttachments } = messageFlags;
  const bits = [
    ...(described.message.flags.includes('\\Seen') ? [read] : []),
    ...(described.isDraft ? [unsent] : [unmodified]),
    ...(described.hasAttachments ? [hasAttachments] : []),
  ];
  return String(bits.reduce((sum: number, bit) => sum + bit, 0));
}
