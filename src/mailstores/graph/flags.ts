import type { Flag } from '../../mailbox/mail-store.ts';

/*
 * IMAP flags and their equivalents in Graph (Microsoft: "message resource type"; [MS-OXPROPS] for the properties):
 * \Seen is isRead, \Flagged flag.flagStatus, \Draft isDraft, \Answered and $Forwarded the last verb executed, \Deleted
 * the property that other IMAP programs of Exchange use for it; all other keywords are categories.
 */

/** PidTagLastVerbExecuted, PidTagIconIndex, PidLidImapDeleted. */
export const lastVerb = 'Integer 0x1081';
export const iconIndex = 'Integer 0x1080';
export const imapDeleted = 'Integer {00062008-0000-0000-c000-000000000046} Id 0x8570';

const verbs: Readonly<Record<string, Flag>> = { 102: '\\Answered', 103: '\\Answered', 104: '$Forwarded' };
const [answered, forwarded] = [
  { verb: '102', icon: '261' },
  { verb: '104', icon: '262' },
];

/** A message's marks as Graph reports them; absent ones were not requested. */
export interface GraphMarks {
  readonly isRead?: boolean;
  readonly isDraft?: boolean;
  readonly flag?: { readonly flagStatus?: string };
  readonly categories?: readonly string[];
}

/** Flags that Graph reports without extended properties. */
export function flagsOf({ isRead, isDraft, flag, categories = [] }: GraphMarks): Flag[] {
  return [
    ...(isRead === true ? ['\\Seen'] : []),
    ...(flag?.flagStatus === 'flagged' ? ['\\Flagged'] : []),
    ...(isDraft === true ? ['\\Draft'] : []),
    ...new Set(categories.map(keywordOf)),
  ];
}

/** Flags reported by extended properties. */
export function propertyFlagsOf(properties: ReadonlyMap<string, string>): Flag[] {
  const verb = verbs[properties.get(propertyKey(lastVerb)) ?? ''];
  const deleted = Number(properties.get(propertyKey(imapDeleted)) ?? 0) === 1;
  return [...(verb === undefined ? [] : [verb]), ...(deleted ? ['\\Deleted'] : [])];
}

/** Normalizes the ID of an extended property. */
export function propertyKey(id: string): string {
  return id.toLowerCase().replace(/0x0*/g, '0x');
}

/** The body of a PATCH that turns `before` into `after`; undefined if Graph has nothing to change. */
export function patchOf(before: readonly Flag[], after: readonly Flag[]): Record<string, unknown> | undefined {
  const had = new Set(before.map(lower));
  const has = new Set(after.map(lower));
  const changed = (flag: Flag) => had.has(lower(flag)) !== has.has(lower(flag));
  const properties: { id: string; value: string }[] = [];
  if (changed('\\Deleted')) properties.push({ id: imapDeleted, value: has.has('\\deleted') ? '1' : '0' });
  if (changed('\\Answered') || changed('$Forwarded')) properties.push(...verbProperties(has));
  const keywords = after.filter(isKeyword);
  const patch = {
    ...(changed('\\Seen') && { isRead: has.has('\\seen') }),
    ...(changed('\\Flagged') && { flag: { flagStatus: has.has('\\flagged') ? 'flagged' : 'notFlagged' } }),
    ...(changesKeywords(before, after) && { categories: keywords.map(categoryOf) }),
    ...(properties.length > 0 && { singleValueExtendedProperties: properties }),
  };
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Tells whether a change writes categories, which Graph accepts only as a whole. */
export function changesKeywords(before: readonly Flag[], after: readonly Flag[]): boolean {
  const [had, has] = [before, after].map((flags) => flags.filter(isKeyword).map(lower).sort().join(' '));
  return had !== has;
}

/** Exchange keeps only the last verb: a message that was both answered and forwarded keeps one of them. */
function verbProperties(flags: ReadonlySet<string>): { id: string; value: string }[] {
  const done = flags.has('$forwarded') ? forwarded : flags.has('\\answered') ? answered : { verb: '0', icon: '256' };
  return [
    { id: lastVerb, value: done.verb },
    { id: iconIndex, value: done.icon },
  ];
}

/**
 * Flags after a change, without duplicates. `\Draft` on a message that Graph does not consider a draft is kept only in
 * the index.
 */
export function combined(present: readonly Flag[], how: 'add' | 'remove' | 'replace', flags: readonly Flag[]): Flag[] {
  const named = new Set(flags.map(lower));
  const kept = how === 'replace' ? [] : present.filter((flag) => how === 'add' || !named.has(lower(flag)));
  const spelled = new Map<string, Flag>();
  for (const flag of [...kept, ...(how === 'remove' ? [] : flags)]) {
    if (!spelled.has(lower(flag))) spelled.set(lower(flag), canonical(flag));
  }
  spelled.delete('\\recent');
  if (how === 'add' && named.has('$forwarded')) spelled.delete('\\answered');
  else if (spelled.has('\\answered') && spelled.has('$forwarded')) {
    spelled.delete(named.has('\\answered') && how === 'add' ? '$forwarded' : '\\answered');
  }
  return [...spelled.values()];
}

const known = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', '$Forwarded'];

function canonical(flag: Flag): Flag {
  return known.find((each) => lower(each) === lower(flag)) ?? flag;
}

export function isDraft(flags: readonly Flag[]): boolean {
  return flags.some((flag) => lower(flag) === '\\draft');
}

function isKeyword(flag: Flag): boolean {
  return !flag.startsWith('\\') && lower(flag) !== '$forwarded';
}

function lower(flag: Flag): string {
  return flag.toLowerCase();
}

/** Bytes of UTF-8 not allowed in a keyword (RFC 9051 section 9, `atom`). */
const special = /[^!#$&'+,\-./0-9:;<>?@A-Z[^_`a-z|}~=]/;

/**
 * Encodes a category as a keyword. Spaces become `_`. Bytes not allowed in a keyword, `_` itself, and anything that
 * looks like such an escape become `=` and two hexadecimal digits per byte.
 */
export function keywordOf(category: string): Flag {
  return [...Buffer.from(category)]
    .map((octet, index, octets) => {
      const character = String.fromCharCode(octet);
      if (character === ' ') return '_';
      const looksEscaped =
        character === '=' && /^[0-9A-F]{2}$/.test(Buffer.from(octets.slice(index + 1, index + 3)).toString('latin1'));
      const mustBe = special.test(character) || character === '_' || looksEscaped;
      return mustBe ? `=${octet.toString(16).toUpperCase().padStart(2, '0')}` : character;
    })
    .join('');
}

/** Decodes a keyword to its category. */
export function categoryOf(keyword: Flag): string {
  const octets = keyword
    .replace(/_/g, ' ')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1').toString();
}
