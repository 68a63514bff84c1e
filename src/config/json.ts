/** Where a text stops being JSON (RFC 8259), and why. The reason never quotes the text: it may hold secrets. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  /** From 1. */
  readonly line: number;
  /** In UTF-16 code units, from 1. */
  readonly column: number;

  constructor(reason: string, text: string, offset: number) {
    super(reason);
    const before = text.slice(0, offset).split(/\r\n|\r|\n/);
    this.line = before.length;
    this.column = (before.at(-1) ?? '').length + 1;
  }
}

/** What {@link parseJson} found. */
export interface JsonDocument {
  readonly value: unknown;
  /** Keys written twice in one object; the last one is in `value`, as with JSON.parse. */
  readonly duplicates: readonly (readonly PropertyKey[])[];
}

const maxDepth = 100;
const literals: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const numberAt = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 excludes just these from strings.
const stringAt = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const wordAt = /[A-Za-z_][A-Za-z0-9_]*/y;
const spaceAt = /[ \t\r\n]*/y;

/**
 * Parses JSON. Unlike JSON.parse it says where an error is without quoting the text, and notices duplicate keys.
 * @throws JsonSyntaxError
 */
export function parseJson(text: string): JsonDocument {
  return new Parser(text).document();
}

class Parser {
  readonly #text: string;
  readonly #path: PropertyKey[] = [];
  readonly #duplicates: PropertyKey[][] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\ufeff')) this.#at = 1;
  }

  document(): JsonDocument {
    this.#space();
    if (this.#at === this.#text.length) this.#fail('the file is empty');
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('unexpected text after the end');
    return { value, duplicates: this.#duplicates };
  }

  #value(): unknown {
    if (this.#path.length > maxDepth) this.#fail(`nested deeper than ${maxDepth} levels`);
    const next = this.#text[this.#at];
    if (next === '{') return this.#object();
    if (next === '[') return this.#array();
    if (next === '"') return this.#string();
    const number = this.#match(numberAt);
    if (number !== undefined) return Number(number);
    const start = this.#at;
    const word = this.#match(wordAt);
    if (word !== undefined && literals.has(word)) return literals.get(word);
    this.#at = start;
    return this.#fail(next === undefined ? 'the file ends too early' : 'expected a value');
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    this.#space();
    if (this.#take('}')) return object;
    do {
      this.#space();
      const keyAt = this.#at;
      if (this.#text[keyAt] !== '"')
        this.#fail(this.#text[keyAt] === '}' ? 'no comma is allowed before }' : 'expected a key in double quotes');
      const key = this.#string();
      // Would set the prototype instead of a member.
      if (key === '__proto__') this.#fail('the key "__proto__" is not allowed', keyAt);
      this.#path.push(key);
      if (Object.hasOwn(object, key)) this.#duplicates.push([...this.#path]);
      this.#space();
      if (!this.#take(':')) this.#fail('expected a colon after the key');
      this.#space();
      object[key] = this.#value();
      this.#path.pop();
      this.#space();
    } while (this.#take(','));
    if (!this.#take('}')) this.#fail('expected a comma or }');
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    this.#space();
    if (this.#take(']')) return array;
    do {
      this.#space();
      if (this.#text[this.#at] === ']') this.#fail('no comma is allowed before ]');
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
      this.#space();
    } while (this.#take(','));
    if (!this.#take(']')) this.#fail('expected a comma or ]');
    return array;
  }

  #string(): string {
    const literal = this.#match(stringAt);
    if (literal === undefined) this.#fail('a string with a wrong escape, a line break in it, or no end');
    return JSON.parse(literal) as string;
  }

  #space(): void {
    this.#match(spaceAt);
    if (this.#text[this.#at] === '/') this.#fail('comments are not allowed');
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(reason: string, offset = this.#at): never {
    throw new JsonSyntaxError(reason, this.#text, offset);
  }
}
