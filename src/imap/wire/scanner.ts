import { ImapSyntaxError } from '../reply.ts';
import { decodeModifiedUtf7 } from './modified-utf7.ts';
import { type MessageSet, parseSequenceSet, type SequenceSet } from './sequence-set.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const maxDepth = 32;

/** How folder names are written on this connection. */
export interface NameSpelling {
  /** The store's delimiter; unknown before login. */
  readonly delimiter?: string;
  /** Names are UTF-8 and not modified UTF-7 (RFC 6855 section 3, RFC 9051 section 5.1). */
  readonly utf8: boolean;
}

/** Takes tokens off a command's arguments (RFC 9051 section 9), tolerating extra spaces. */
export class Scanner {
  readonly #parts: readonly (string | Buffer)[];
  readonly #names: NameSpelling;
  #part = 0;
  #at = 0;

  constructor(parts: readonly (string | Buffer)[], names: NameSpelling = { utf8: false }) {
    this.#parts = parts;
    this.#names = names;
  }

  /** Takes one or more spaces. */
  space(): void {
    if (this.#match(/ +/y) === undefined) throw new ImapSyntaxError('A space is missing.');
  }

  /** Whether a space follows; takes it if so. */
  trySpace(): boolean {
    return this.#match(/ +/y) !== undefined && !this.atEnd();
  }

  /** Whether nothing follows but spaces. */
  atEnd(): boolean {
    return this.#part === this.#parts.length - 1 && this.#text().slice(this.#at).trim() === '';
  }

  end(): void {
    if (!this.atEnd()) throw new ImapSyntaxError('Unexpected text after the last argument.');
  }

  /** Whether `character` follows; takes it if so. */
  try(character: string): boolean {
    if (!this.#text().startsWith(character, this.#at)) return false;
    this.#at += character.length;
    return true;
  }

  expect(character: string): void {
    if (!this.try(character)) throw new ImapSyntaxError(`"${character}" is missing.`);
  }

  /** Whether `character` follows. */
  ahead(character: string): boolean {
    return this.#text().startsWith(character, this.#at);
  }

  /** Whether a digit follows. */
  aheadDigit(): boolean {
    const character = this.#text()[this.#at];
    return character !== undefined && character >= '0' && character <= '9';
  }

  /** Takes an atom; upper-casing keywords is left to the caller. */
  atom(): string {
    return this.#need(/[!#$&'+-[^-z|}~]+/y, 'An atom');
  }

  /** Takes a keyword, in upper case. */
  word(): string {
    return this.#need(/[A-Za-z0-9.-]+/y, 'A keyword').toUpperCase();
  }

  /** Whether `word` follows as a keyword; takes it if so. */
  tryWord(word: string): boolean {
    const ahead = this.#text().slice(this.#at, this.#at + word.length + 1);
    if (ahead.trimEnd().toUpperCase() !== word) return false;
    this.#at += word.length;
    return true;
  }

  /** Whether `word` occurs in the text up to the next literal, in any case. */
  holds(word: string): boolean {
    return this.#text().slice(this.#at).toUpperCase().includes(word);
  }

  number(): number {
    const value = Number(this.#need(/\d+/y, 'A number'));
    if (value > 0xffffffff) throw new ImapSyntaxError('A number is too large.');
    return value;
  }

  /**
   * A mod-sequence, 0 to 2^63-1 (RFC 7162 section 7); beyond 2^53 it is inexact, and larger than any a store assigns.
   */
  modseq(): number {
    const digits = this.#need(/\d+/y, 'A mod-sequence');
    if (BigInt(digits.slice(0, 20)) > 0x7fffffffffffffffn) throw new ImapSyntaxError('A mod-sequence is too large.');
    return Number(digits);
  }

  /** An ID of RFC 8474. */
  objectId(): string {
    return this.#need(/[A-Za-z0-9_-]{1,255}/y, 'An id');
  }

  flag(): string {
    return this.#need(/\\?[!#$&'+-[^-z|}~]+/y, 'A flag');
  }

  /** An atom, a quoted string or a literal, as text. */
  astring(): string {
    return decodeOctets(this.astringOctets());
  }

  /** Like {@link astring}, as bytes. */
  astringOctets(): Buffer {
    return this.#tryOctets() ?? this.#astringAtom();
  }

  /** A quoted string or a literal. */
  string(): string {
    const text = this.#tryString();
    if (text === undefined) throw new ImapSyntaxError('A string is missing.');
    return text;
  }

  /** A quoted string, a literal or NIL. */
  nstring(): string | undefined {
    const text = this.#tryString();
    if (text !== undefined) return text;
    if (this.word() !== 'NIL') throw new ImapSyntaxError('A string or NIL is missing.');
    return undefined;
  }

  /** A folder name in Unicode, with INBOX in capitals. */
  mailbox(): string {
    return this.#canonicalName(this.astring());
  }

  /** A folder name that may contain the wildcards of LIST. */
  listMailbox(): string {
    const octets =
      this.#tryOctets() ?? Buffer.from(this.#need(/[!#-'*-[\]-z|}~\u0080-\u00ff]+/y, 'A folder name'), 'latin1');
    const text = decodeOctets(octets);
    return this.#names.utf8 ? text : decodeModifiedUtf7(text);
  }

  /** Whether a message set follows rather than a word. */
  aheadMessageSet(): boolean {
    return this.aheadDigit() || this.ahead('*') || this.#aheadSaved();
  }

  /** A message set, or `$`. */
  messageSet(): MessageSet {
    if (!this.#aheadSaved()) return this.sequenceSet();
    this.#at++;
    return 'saved';
  }

  sequenceSet(): SequenceSet {
    return parseSequenceSet(this.#need(/[\d:*,]+/y, 'A message set'));
  }

  /** `(item item …)`, which may be empty unless specified otherwise. */
  list<T>(item: () => T, options: { readonly allowEmpty: boolean } = { allowEmpty: true }): T[] {
    this.expect('(');
    const items: T[] = [];
    this.#match(/ +/y);
    while (!this.try(')')) {
      if (items.length > 0) this.#backToSpace();
      items.push(item());
      this.#match(/ +(?=\))/y);
    }
    if (items.length === 0 && !options.allowEmpty) throw new ImapSyntaxError('A list is empty.');
    return items;
  }

  /** Runs `inner` one level deeper. @throws ImapSyntaxError beyond 32 levels */
  nested<T>(depth: number, inner: (depth: number) => T): T {
    if (depth >= maxDepth) throw new ImapSyntaxError('Parentheses are nested too deeply.');
    return inner(depth + 1);
  }

  #aheadSaved(): boolean {
    return /^\$(?:[ )]|$)/.test(this.#text().slice(this.#at, this.#at + 2));
  }

  /** A folder name as stores know it: INBOX in capitals, also as the parent of other folders. */
  #canonicalName(name: string): string {
    const { delimiter, utf8 } = this.#names;
    const decoded = utf8 ? name : decodeModifiedUtf7(name);
    if (decoded.slice(0, 5).toUpperCase() !== 'INBOX') return decoded;
    const rest = decoded.slice(5);
    return rest === '' || (delimiter !== undefined && rest.startsWith(delimiter)) ? `INBOX${rest}` : decoded;
  }

  #backToSpace(): void {
    // A space is required between items, but clients omit it between two lists.
    this.#match(/ +/y);
  }

  #text(): string {
    const part = this.#parts[this.#part];
    return typeof part === 'string' ? part : '';
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text())?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #need(pattern: RegExp, what: string): string {
    const found = this.#match(pattern);
    if (found === undefined) throw new ImapSyntaxError(`${what} is missing.`);
    return found;
  }

  #astringAtom(): Buffer {
    // The grammar does not allow `%` and `*` here, but clients send passwords with them unquoted.
    return Buffer.from(this.#need(/[!#-'*-[\]-z|}~\u0080-\u00ff]+/y, 'An argument'), 'latin1');
  }

  #tryString(): string | undefined {
    const octets = this.#tryOctets();
    return octets && decodeOctets(octets);
  }

  #tryOctets(): Buffer | undefined {
    const literal = this.#parts[this.#part + 1];
    if (Buffer.isBuffer(literal) && this.#at === this.#text().length) {
      this.#part += 2;
      this.#at = 0;
      return literal;
    }
    if (!this.ahead('"')) return undefined;
    const quoted = this.#match(/"(?:[^"\\\r\n\0]|\\["\\])*"/y);
    if (quoted === undefined) throw new ImapSyntaxError('A quoted string is unterminated or has an invalid escape.');
    return Buffer.from(quoted.slice(1, -1).replace(/\\(["\\])/g, '$1'), 'latin1');
  }
}

function decodeOctets(bytes: Buffer): string {
  if (bytes.includes(0)) throw new ImapSyntaxError('An argument holds a NUL.');
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new ImapSyntaxError('An argument is not UTF-8.');
  }
}
