import { LRUCache } from 'lru-cache';
import { boundedBy } from '../../base/bounded-by.ts';
import { joinAddress } from './parts.ts';
import { type AddressToken, type AddressTokens, tokenizeAddresses } from './tokens.ts';
import {
  domainEnd,
  hasOddDots,
  holdsEncodedWord,
  isAt,
  isDot,
  isDotted,
  isPhrase,
  localPartStart,
  nextAt,
  phrase,
  textOf,
} from './words.ts';

/** One mailbox of an address field. */
export interface ParsedAddress {
  /** `local@domain`; the local part quoted only if necessary. Without `@domain` if absent (`scanner`). */
  readonly address: string;
  /** The display name, unfolded and unquoted, encoded-words unchanged; otherwise the comment after the address. */
  readonly name?: string;
}

/**
 * A problem with an address field. Without any of these, every reader finds the same addresses in it; with any of them,
 * Microsoft may find others than we do.
 */
export type AddressProblem =
  /** A quoted string, comment, domain literal or `<` is not closed. */
  | 'unterminated'
  /** A group (`name: a@b, c@d;`) has no `;`, or a `;` has no group. */
  | 'group'
  /** A local part has no domain. */
  | 'no-domain'
  /** Words without an address, or an address without a clear end, were left out. */
  | 'not-an-address'
  /** Characters around an address that have no meaning there were left out. */
  | 'stray-text'
  /** An encoded-word contains characters not allowed in it. */
  | 'encoded-word';

/** The result of {@link parseAddressList}. */
export interface AddressList {
  readonly addresses: readonly ParsedAddress[];
  /** Each kind at most once; empty for a well-formed field. */
  readonly problems: readonly AddressProblem[];
}

/** An address among the items of a field. */
export interface AddressInList {
  readonly kind: 'address';
  readonly parsed: ParsedAddress;
  readonly inBrackets: boolean;
  /** The obsolete source route before the address, `@one,@two`; absent if there is none (RFC 5322 section 4.4). */
  readonly route?: string;
  /** What to show in its place: its name, or the whole text if it has no domain. */
  readonly words: string;
  /**
   * Position of local part, `@` and domain in the value, without brackets and name: the first character, and the one
   * after the last.
   */
  readonly start: number;
  readonly end: number;
}

/** An item between the commas of an address field. */
export type AddressItem =
  | AddressInList
  /** Words without an address. */
  | { readonly kind: 'words'; readonly words: string }
  /** `words:`, the beginning of a group. */
  | { readonly kind: 'group'; readonly words: string }
  /** The end of a group, where its `;` is or should be. */
  | { readonly kind: 'group-end' };

/** The items of an address field, in order. */
export interface AddressItems {
  readonly items: readonly AddressItem[];
  readonly problems: readonly AddressProblem[];
}

/** A device writes the same addresses into each of its messages, and each is parsed several times on the way. */
const remembered = new LRUCache<string, AddressItems>(boundedBy(200));
const longestRemembered = 64;

const word = '[A-Za-z0-9_+-]+';
const addrSpec = `${word}(?:\\.${word})*@${word}(?:\\.${word})*`;
/** The content of nearly every field: `scanner@contoso.com`, `Front Desk <desk@contoso.com>`. */
const plainAddress = new RegExp(`^(?:(${addrSpec})|((?:${word} )*${word}) <(${addrSpec})>)$`);

/**
 * Parses the value of From, To, Cc, Bcc, Sender or Reply-To (RFC 5322 sections 3.4 and 4.4): comments, folding, groups
 * (their members are listed, their names dropped), obsolete routes, UTF-8. Never throws; takes linear time.
 */
export function parseAddressList(value: string): AddressList {
  const { items, problems } = parseAddressItems(value);
  return { addresses: items.flatMap((item) => (item.kind === 'address' ? [item.parsed] : [])), problems };
}

/** Like {@link parseAddressList}, including everything else in the field. */
export function parseAddressItems(value: string): AddressItems {
  const plain = plainAddress.exec(value);
  if (plain) return { items: [plainItem(plain)], problems: [] };
  if (value.length > longestRemembered) return readItems(value);
  let items = remembered.get(value);
  if (items === undefined) {
    items = readItems(value);
    remembered.set(value, items);
  }
  return items;
}

function readItems(value: string): AddressItems {
  return new ListReader(tokenizeAddresses(value)).read();
}

function plainItem([, bare, name = '', bracketed = '']: readonly (string | undefined)[]): AddressItem {
  if (bare !== undefined) {
    return { kind: 'address', parsed: { address: bare }, inBrackets: false, words: '', start: 0, end: bare.length };
  }
  const start = name.length + ' <'.length;
  const end = start + bracketed.length;
  return { kind: 'address', parsed: { address: bracketed, name }, inBrackets: true, words: name, start, end };
}

class ListReader {
  readonly #source: AddressTokens;
  readonly #items: AddressItem[] = [];
  readonly #problems = new Set<AddressProblem>();
  #index = 0;
  #inGroup = false;
  /** Tokens of the current list item that are not yet part of an address, and the index at which the item began. */
  #words: AddressToken[] = [];
  #itemStart = 0;
  #itemHasAddress = false;

  constructor(source: AddressTokens) {
    this.#source = source;
    if (source.unterminated) this.#problems.add('unterminated');
    if (source.strayCharacter) this.#problems.add('stray-text');
    if (source.looseEncodedWord) this.#problems.add('encoded-word');
  }

  read(): AddressItems {
    for (let token = this.#take(); token !== undefined; token = this.#take()) this.#step(token);
    this.#endItem();
    if (this.#inGroup) {
      this.#problems.add('group');
      this.#items.push({ kind: 'group-end' });
    }
    return { items: this.#items, problems: [...this.#problems] };
  }

  #take(): AddressToken | undefined {
    return this.#source.tokens[this.#index++];
  }

  #step(token: AddressToken): void {
    if (token.kind !== 'special' || token.text === '@' || token.text === '.') this.#words.push(token);
    else if (token.text === ',') this.#endItem();
    else if (token.text === ';') this.#endGroup();
    else if (token.text === ':') this.#startGroup();
    else if (token.text === '<') this.#angleAddress();
    else this.#problems.add('stray-text');
  }

  #startGroup(): void {
    const isName = this.#words.length > 0 && !this.#words.some(isAt);
    if (this.#inGroup || !isName || this.#itemHasAddress) this.#problems.add('group');
    if (!isPhrase(this.#words)) this.#problems.add('stray-text');
    if (this.#inGroup) this.#items.push({ kind: 'group-end' });
    this.#items.push({ kind: 'group', words: phrase(this.#words) });
    this.#inGroup = true;
    this.#words = [];
    this.#startItem();
  }

  #endGroup(): void {
    this.#endItem();
    if (this.#inGroup) this.#items.push({ kind: 'group-end' });
    else this.#problems.add('group');
    this.#inGroup = false;
  }

  #startItem(): void {
    this.#itemStart = this.#index;
    this.#itemHasAddress = false;
  }

  /** At `,`, `;` or the end: the remaining words are an address without angle brackets. */
  #endItem(): void {
    if (this.#itemHasAddress) {
      if (this.#words.length > 0) this.#problems.add('stray-text');
    } else if (this.#words.length > 0) this.#plainAddress();
    // Some readers make an address of a lone comment.
    else if (this.#source.comments.has(this.#index - 1)) this.#problems.add('stray-text');
    this.#words = [];
    this.#startItem();
  }

  /**
   * Bare spaces between addresses count as commas, and words after the last one (`ann@contoso.com Ann`) as a name;
   * `a@con toso.com` and `a@b@c` are not addresses.
   */
  #plainAddress(): void {
    let from = 0;
    for (let at = nextAt(this.#words, 0); at !== -1; ) {
      const start = localPartStart(this.#words, at, from);
      const end = domainEnd(this.#words, at);
      const next = nextAt(this.#words, end);
      const isNamed = next === -1 && isDomain(this.#words.slice(at + 1, end)) && !this.#words.slice(end).some(isDot);
      const goesOn = end < this.#words.length && !isNamed && (next === -1 || next === end);
      const address = this.#addrSpec(this.#words.slice(start, at), this.#words.slice(at + 1, end));
      const place = placeOf(this.#words.slice(start, end));
      if (start > 0 || (isNamed && end < this.#words.length)) this.#problems.add('stray-text');
      if (goesOn || address === undefined) this.#addWords(this.#words.slice(from, end));
      else this.#add(address, phrase(this.#words.slice(from, start)) || this.#comment(this.#index - 1), place);
      from = end;
      at = next;
    }
    if (from > 0) return;
    const address = this.#addrSpec(this.#words, []);
    if (address === undefined) this.#addWords(this.#words);
    else this.#add(address, this.#comment(this.#index - 1), placeOf(this.#words), phrase(this.#words));
  }

  /** After `<`: `local@domain>`, possibly with a route before it. */
  #angleAddress(): void {
    const name = phrase(this.#words);
    if (this.#words.some(isAt) || this.#itemHasAddress || !isPhrase(this.#words)) this.#problems.add('stray-text');
    this.#words = [];
    const { inside, route } = this.#insideBrackets();
    const at = nextAt(inside, 0);
    if (at === -1 && this.#isNext(':')) {
      // `<undisclosed-recipients:;>`
      this.#words = inside;
      return;
    }
    const local = at === -1 ? inside : inside.slice(0, at);
    const address = this.#addrSpec(local, at === -1 ? [] : inside.slice(at + 1));
    const place = { ...placeOf(inside), inBrackets: true, ...(route !== '' && { route }) };
    if (address !== undefined) this.#add(address, name || this.#comment(this.#index), place);
    else this.#items.push({ kind: 'words', words: name || phrase(inside) });
  }

  #isNext(special: string): boolean {
    const token = this.#source.tokens[this.#index];
    return token?.kind === 'special' && token.text === special;
  }

  #insideBrackets(): { readonly inside: AddressToken[]; readonly route: string } {
    const inside: AddressToken[] = [];
    let route = '';
    let inRoute = false;
    for (;;) {
      const token = this.#take();
      const text = token?.kind === 'special' ? token.text : undefined;
      if (token !== undefined && (text === undefined || text === '@' || text === '.')) {
        if (inside.length === 0 && text === '@') inRoute = true;
        inside.push(token);
      } else if (text === '>') return { inside, route };
      else if (inRoute && text === ',') continue;
      else if (inRoute && text === ':') {
        route = textOf(inside).replace(/(?<=.)@/g, ',@');
        inside.length = 0;
        inRoute = false;
      } else {
        this.#problems.add('unterminated');
        if (token !== undefined) this.#index--;
        return { inside, route };
      }
    }
  }

  #addrSpec(local: readonly AddressToken[], domain: readonly AddressToken[]): string | undefined {
    const readable =
      local.length > 0 &&
      isDotted(local) &&
      isDotted(domain) &&
      !holdsEncodedWord(local) &&
      !holdsEncodedWord(domain) &&
      !local.some((token) => token.kind === 'literal') &&
      !domain.some((token) => token.kind === 'quoted' || isAt(token));
    if (!readable) {
      this.#problems.add('not-an-address');
      return undefined;
    }
    if (domain.length === 0) this.#problems.add('no-domain');
    if (hasOddDots(local) || hasOddDots(domain)) this.#problems.add('stray-text');
    return joinAddress(textOf(local), textOf(domain));
  }

  #add(address: string, name: string | undefined, place: AddressPlace, words = name ?? ''): void {
    this.#itemHasAddress = true;
    this.#items.push({ kind: 'address', parsed: name ? { address, name } : { address }, words, ...place });
  }

  #addWords(words: readonly AddressToken[]): void {
    this.#problems.add('not-an-address');
    this.#items.push({ kind: 'words', words: phrase(words) });
  }

  /** `joe@example.com (Joe Bloggs)`, the notation for names before RFC 822. */
  #comment(behindAddress: number): string | undefined {
    return this.#source.comments.get(behindAddress) ?? this.#source.comments.get(this.#itemStart);
  }
}

type AddressPlace = Pick<AddressInList, 'inBrackets' | 'route' | 'start' | 'end'>;

/** Position of an address without brackets. */
function placeOf(tokens: readonly AddressToken[]): AddressPlace {
  return { inBrackets: false, start: tokens[0]?.start ?? 0, end: tokens.at(-1)?.end ?? 0 };
}

/** `contoso.com`, but not `con` of `con toso.com`. */
function isDomain(tokens: readonly AddressToken[]): boolean {
  return tokens.some(isDot);
}
