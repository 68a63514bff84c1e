import type { OctetRange } from '../../mailbox/mail-store.ts';
import { ImapSyntaxError } from '../reply.ts';
import { formatString } from '../wire/format.ts';
import type { Scanner } from '../wire/scanner.ts';
import type { Section } from './section.ts';

const attributes = [
  ...(['UID', 'FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODYSTRUCTURE', 'BODY'] as const),
  ...(['MODSEQ', 'EMAILID', 'THREADID'] as const),
] as const;

/** A section of the message requested by FETCH. */
export interface SectionItem {
  readonly kind: 'SECTION';
  /** Its name in the response: `BODY[TEXT]<0>`, `RFC822.HEADER`. */
  readonly label: string;
  readonly section: Section;
  readonly range: OctetRange | undefined;
  /** Leaves \Seen unchanged. */
  readonly peek: boolean;
  /** Only the range is requested from the store. */
  readonly rangeGiven?: true;
}

/** A part with its transfer encoding decoded, or the size of that (RFC 3516 section 4.2). */
export interface BinaryItem {
  readonly kind: 'BINARY' | 'BINARY.SIZE';
  readonly label: string;
  readonly path: readonly number[];
  readonly range: OctetRange | undefined;
  readonly peek: boolean;
}

/** Data from a listing or from the whole message. */
export interface AttributeItem {
  readonly kind: (typeof attributes)[number];
}

/** One item of FETCH (RFC 9051 section 6.4.5). */
export type FetchItem = AttributeItem | SectionItem | BinaryItem;

/** Returns how much of a message an item needs. */
export function partNeeded(item: FetchItem): 'none' | 'header' | 'whole' {
  switch (item.kind) {
    case 'ENVELOPE':
      return 'header';
    case 'BODY':
    case 'BODYSTRUCTURE':
    case 'BINARY':
    case 'BINARY.SIZE':
      return 'whole';
    case 'SECTION':
      return item.section.path.length === 0 && item.section.what.startsWith('HEADER') ? 'header' : 'whole';
    default:
      return 'none';
  }
}

/** Header fields that ENVELOPE needs (RFC 9051 section 7.5.2). */
const envelopeFields = [
  'Date',
  'Subject',
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Bcc',
  'In-Reply-To',
  'Message-ID',
];

/** Returns the names of the header fields needed by items that use only the header; undefined for all. */
export function headerFieldsNeeded(items: readonly FetchItem[]): readonly string[] | undefined {
  const fields: string[] = [];
  for (const item of items) {
    if (item.kind === 'ENVELOPE') fields.push(...envelopeFields);
    else if (item.kind === 'SECTION' && item.section.what === 'HEADER.FIELDS') fields.push(...item.section.fields);
    else return undefined;
  }
  return fields;
}

/** Tells whether the item sets \\Seen. */
export function makesSeen(item: FetchItem): boolean {
  return (item.kind === 'SECTION' || item.kind === 'BINARY') && !item.peek;
}

const macros: Readonly<Record<string, readonly FetchItem[]>> = {
  FAST: plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE'),
  ALL: plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'),
  FULL: plain('FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'),
};

const whole: Section = { path: [], what: 'ALL', fields: [] };

/** RFC 3501's older names for sections. */
const rfc822: Readonly<Record<string, SectionItem>> = {
  RFC822: { kind: 'SECTION', label: 'RFC822', section: whole, range: undefined, peek: false },
  'RFC822.HEADER': {
    kind: 'SECTION',
    label: 'RFC822.HEADER',
    section: { ...whole, what: 'HEADER' },
    range: undefined,
    peek: true,
  },
  'RFC822.TEXT': {
    kind: 'SECTION',
    label: 'RFC822.TEXT',
    section: { ...whole, what: 'TEXT' },
    range: undefined,
    peek: false,
  },
};

/** Maximum items in one command; more are refused. */
const maxItems = 200;

/** Parses the items of FETCH: a macro, one item, or a list. */
export function parseFetchItems(scanner: Scanner): readonly FetchItem[] {
  if (scanner.ahead('(')) {
    const items = scanner.list(() => parseItem(scanner, scanner.word()), { allowEmpty: false });
    if (items.length > maxItems) throw new ImapSyntaxError('FETCH is asked for too many items.');
    return items;
  }
  const word = scanner.word();
  return macros[word] ?? [parseItem(scanner, word)];
}

function plain(...kinds: (typeof attributes)[number][]): FetchItem[] {
  return kinds.map((kind) => ({ kind }));
}

function parseItem(scanner: Scanner, word: string): FetchItem {
  if ((word === 'BODY' || word === 'BODY.PEEK') && scanner.try('[')) return parseSection(scanner, word !== 'BODY');
  if (word.startsWith('BINARY') && scanner.ahead('[')) return parseBinary(scanner, word);
  const old = Object.hasOwn(rfc822, word) ? rfc822[word] : undefined;
  if (old !== undefined) return old;
  const kind = attributes.find((attribute) => attribute === word);
  if (kind === undefined) throw new ImapSyntaxError('Unknown FETCH item.');
  return { kind };
}

/** Parses a section up to its `]`, as in BODY[…]. @throws ImapSyntaxError */
export function parseSectionText(scanner: Scanner): Section {
  const path = parsePath(scanner);
  const what = scanner.ahead(']') ? 'ALL' : parseWhat(scanner, path.length > 0);
  let fields: string[] = [];
  if (what === 'HEADER.FIELDS' || what === 'HEADER.FIELDS.NOT') {
    scanner.space();
    fields = scanner.list(() => scanner.astring(), { allowEmpty: false });
  }
  scanner.expect(']');
  return { path, what, fields };
}

function parseSection(scanner: Scanner, peek: boolean): SectionItem {
  const { path, what, fields } = parseSectionText(scanner);
  const range = scanner.try('<') ? parseRange(scanner) : undefined;
  const names = fields.length === 0 ? '' : ` (${fields.map(formatField).join(' ')})`;
  const inside = [...path, ...(what === 'ALL' ? [] : [what])].join('.') + names;
  return {
    kind: 'SECTION',
    label: `BODY[${inside}]${range === undefined ? '' : `<${range.offset}>`}`,
    section: { path, what, fields: fields.map((field) => field.toUpperCase()) },
    range,
    peek,
  };
}

function parseBinary(scanner: Scanner, word: string): BinaryItem {
  if (word !== 'BINARY' && word !== 'BINARY.PEEK' && word !== 'BINARY.SIZE') {
    throw new ImapSyntaxError('Unknown FETCH item.');
  }
  scanner.expect('[');
  const path = parsePath(scanner);
  scanner.expect(']');
  const kind = word === 'BINARY.SIZE' ? word : 'BINARY';
  const range = kind === 'BINARY' && scanner.try('<') ? parseRange(scanner) : undefined;
  const label = `${kind}[${path.join('.')}]${range === undefined ? '' : `<${range.offset}>`}`;
  return { kind, label, path, range, peek: word !== 'BINARY' };
}

function parsePath(scanner: Scanner): number[] {
  const path: number[] = [];
  while (scanner.aheadDigit()) {
    const number = scanner.number();
    if (number === 0 || path.length >= 100) throw new ImapSyntaxError('A part number is out of range.');
    path.push(number);
    if (!scanner.try('.')) break;
  }
  return path;
}

function parseWhat(scanner: Scanner, inPart: boolean): Section['what'] {
  const word = scanner.word();
  if (word === 'HEADER' || word === 'HEADER.FIELDS' || word === 'HEADER.FIELDS.NOT' || word === 'TEXT') return word;
  if (word === 'MIME' && inPart) return word;
  throw new ImapSyntaxError('Unknown FETCH section.');
}

function parseRange(scanner: Scanner): OctetRange {
  const offset = scanner.number();
  scanner.expect('.');
  const length = scanner.number();
  scanner.expect('>');
  if (length === 0) throw new ImapSyntaxError('Partial FETCH of zero octets.');
  return { offset, length };
}

function formatField(name: string): string {
  return /^[!#$&'+-[^-z|}~]+$/.test(name) ? name : formatString(name);
}
