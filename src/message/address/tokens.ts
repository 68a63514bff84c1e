/** A lexical token of an address field (RFC 5322 section 3.2), other than comments. */
export interface AddressToken {
  readonly kind: 'atom' | 'quoted' | 'literal' | 'special';
  /** For a quoted string or a literal, the content, unescaped and unfolded; otherwise the characters as they are. */
  readonly text: string;
  /** Whether white space or a comment precedes it. */
  readonly spaced: boolean;
  /** Position in the value: its first character, and the one after its last. */
  readonly start: number;
  readonly end: number;
}

/** The result of {@link tokenizeAddresses}. */
export interface AddressTokens {
  readonly tokens: readonly AddressToken[];
  /** Text of each comment, keyed by the index of the token that follows it. */
  readonly comments: ReadonlyMap<number, string>;
  /** An unclosed quoted string, comment or domain literal was read as plain characters. */
  readonly unterminated: boolean;
  /** A `)` or a backslash without meaning was read as white space. */
  readonly strayCharacter: boolean;
  /** An encoded-word contains characters that would end it if read strictly (RFC 2047 section 5). */
  readonly looseEncodedWord: boolean;
}

const whiteSpace = /[ \t\r\n]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are kept out of addresses
const atom = /[^\x00-\x20\x7f()<>@,;:\\".[\]]+/y;
/** Programs write Q words with spaces; if it also contains an address, it is more likely a word without its end. */
const encodedWord = /=\?[^?\s]+\?(?:[bq]\?[^?\s]*|q\?[^?<>@"]*)\?=/iy;
const specialInEncodedWord = /[()<>@,;:\\".[\]\s]/;

/**
 * Splits the value of an address field into tokens, in linear time whatever it contains. The end of something unclosed
 * (a quote, a comment, a literal) is searched for only once: its opening character, and each later one like it, is then
 * plain text.
 */
export function tokenizeAddresses(value: string): AddressTokens {
  return new Tokenizer(value).run();
}

class Tokenizer {
  readonly #value: string;
  readonly #tokens: AddressToken[] = [];
  readonly #comments = new Map<number, string>();
  readonly #neverEnding = new Set<string>();
  #position = 0;
  #spaced = false;
  #strayCharacter = false;
  #looseEncodedWord = false;

  constructor(value: string) {
    this.#value = value;
  }

  run(): AddressTokens {
    while (this.#position < this.#value.length) this.#next();
    return {
      tokens: this.#tokens,
      comments: this.#comments,
      unterminated: this.#neverEnding.size > 0,
      strayCharacter: this.#strayCharacter,
      looseEncodedWord: this.#looseEncodedWord,
    };
  }

  #next(): void {
    const start = this.#position;
    if (this.#match(whiteSpace) !== undefined) {
      this.#spaced = true;
      return;
    }
    const opening = this.#value.charAt(this.#position);
    if ((opening === '(' || opening === '"' || opening === '[') && this.#enclosed(opening)) return;
    const word = this.#match(encodedWord);
    if (word !== undefined) {
      if (specialInEncodedWord.test(word.slice(word.indexOf('?', 2)))) this.#looseEncodedWord = true;
      this.#add('atom', word, start);
      return;
    }
    const text = this.#match(atom);
    if (text !== undefined) this.#add('atom', text, start);
    else {
      this.#position++;
      if (opening === ')' || opening === '\\') this.#strayCharacter = true;
      if (opening === '(' || opening === ')' || opening === '"' || opening === '\\') this.#spaced = true;
      else this.#add('special', opening, start);
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#value)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #add(kind: AddressToken['kind'], text: string, start: number): void {
    this.#tokens.push({ kind, text, spaced: this.#spaced, start, end: this.#position });
    this.#spaced = false;
  }

  /** Takes a comment, quoted string or domain literal; false if it is not closed. */
  #enclosed(opening: '(' | '"' | '['): boolean {
    if (this.#neverEnding.has(opening)) return false;
    const closing = { '(': ')', '"': '"', '[': ']' }[opening];
    let depth = 1;
    let text = '';
    let index = this.#position + 1;
    let copied = index;
    for (; index < this.#value.length; index++) {
      const character = this.#value.charAt(index);
      if (character === '\\') {
        text += this.#value.slice(copied, index);
        copied = ++index;
      } else if (character === closing) {
        if (--depth === 0) break;
      } else if (character === '(' && opening === '(') depth++;
    }
    if (depth > 0 || index >= this.#value.length) {
      this.#neverEnding.add(opening);
      return false;
    }
    text = unfolded(text + this.#value.slice(copied, index));
    const start = this.#position;
    this.#position = index + 1;
    if (opening === '(') this.#comment(text);
    else this.#add(opening === '"' ? 'quoted' : 'literal', opening === '"' ? text : `[${text}]`, start);
    return true;
  }

  #comment(text: string): void {
    this.#spaced = true;
    const before = this.#tokens.length;
    if (!this.#comments.has(before)) this.#comments.set(before, text.trim());
  }
}

function unfolded(text: string): string {
  return text.replace(/[\r\n]+/g, '');
}
