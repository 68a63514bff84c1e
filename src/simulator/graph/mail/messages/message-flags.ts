import type { MessageChange, StoredMessage, StoredProperty } from '../../../mailboxes/stored-message.ts';
import type { MessageProperties } from '../message-properties.ts';
import { merged, normalizedId } from './extended-properties.ts';

/** PidTagLastVerbExecuted: 102 and 103 for answers, 104 for forwarding ([MS-OXOMSG] section 2.2.1.9). */
export const lastVerb = 'integer 0x1081';

/** PidLidImapDeleted ([MS-OXPROPS]). */
export const imapDeleted = 'integer {00062008-0000-0000-c000-000000000046} id 0x8570';

/** PidTagFlagStatus: 1 complete, 2 flagged ([MS-OXOFLAG] section 2.2.1.1). */
const flagStatus = 'integer 0x1090';

/** Changeable state of a message besides content and location. */
export type MessageMarks = Pick<MessageProperties, 'isRead' | 'flag' | 'categories' | 'singleValueExtendedProperties'>;

/** A category that is also an IMAP keyword: an atom (RFC 9051 section 9). Both are case-insensitive. */
const keyword = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;

export function categoriesOf({ flags, categories = [] }: StoredMessage): readonly string[] {
  return [...flags.filter((flag) => !flag.startsWith('\\') && !isForwarded(flag)), ...categories];
}

export function flagStatusOf({ flags, properties = [] }: StoredMessage): 'flagged' | 'complete' | 'notFlagged' {
  if (flags.includes('\\Flagged')) return 'flagged';
  return ownValue(properties, flagStatus) === '1' ? 'complete' : 'notFlagged';
}

/** The value of the last-verb property, from the IMAP flags. */
export function verbOf({ flags }: StoredMessage, properties: readonly StoredProperty[]): string | undefined {
  const verbs = [...(flags.includes('\\Answered') ? ['102', '103'] : []), ...(flags.some(isForwarded) ? ['104'] : [])];
  const own = ownValue(properties, lastVerb);
  if (verbs.length === 0) return own === undefined || ['102', '103', '104'].includes(own) ? undefined : own;
  return own !== undefined && verbs.includes(own) ? own : verbs[0];
}

/** The change to a message if these are set. */
export function changeOf(message: StoredMessage, marks: MessageMarks): MessageChange {
  const { isRead, flag, categories, singleValueExtendedProperties: given = [] } = marks;
  const flags = new Set(message.flags);
  const set = (name: string, on: boolean) => (on ? flags.add(name) : flags.delete(name));
  if (isRead != null) set('\\Seen', isRead);
  if (flag?.flagStatus != null) set('\\Flagged', flag.flagStatus === 'flagged');
  if (categories !== undefined) {
    for (const name of flags) if (!name.startsWith('\\') && !isForwarded(name)) flags.delete(name);
    for (const name of categories) if (keyword.test(name)) flags.add(name);
  }
  for (const { id, value } of given) {
    if (normalizedId(id) === imapDeleted) set('\\Deleted', value === '1');
    if (normalizedId(id) !== lastVerb) continue;
    set('\\Answered', value === '102' || value === '103');
    set('$Forwarded', value === '104');
  }
  const complete = flag?.flagStatus == null ? [] : [{ id: flagStatus, value: statusNumber[flag.flagStatus] }];
  const properties = merged(message.properties ?? [], [...given, ...complete]);
  return {
    flags: [...flags],
    ...(properties.length > 0 && { properties }),
    ...(categories !== undefined && { categories: categories.filter((name) => !keyword.test(name)) }),
  };
}

const statusNumber = { notFlagged: '0', complete: '1', flagged: '2' } as const;

function ownValue(properties: readonly StoredProperty[], id: string): string | undefined {
  return properties.find((property) => normalizedId(property.id) === id)?.value;
}

function isForwarded(flag: string): boolean {
  return flag.toLowerCase() === '$forwarded';
}
