import { type JSONVisitor, parse, visit } from 'jsonc-parser';

/**
 * The place where a text stops being JSON (RFC 8259) with comments and trailing commas, and the reason. The reason
 * never quotes the text, which may contain secrets.
 */
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

/** The result of {@link parseJson}. */
export interface JsonDocument {
  readonly value: unknown;
  /** Keys that occur twice in one object; the last one is in `value`, as with JSON.parse. */
  readonly duplicates: readonly (readonly PropertyKey[])[];
}

const maxDepth = 100;

/** What people write by hand: comments beside the values, and a comma after the last one. */
const accepted = { disallowComments: false, allowTrailingComma: true, allowEmptyContent: false };

/**
 * Parses JSON with comments and trailing commas (JSONC, as editors call it). Unlike JSON.parse it reports the place of
 * an error without quoting the text, and detects duplicate keys.
 * @throws JsonSyntaxError
 */
export function parseJson(text: string): JsonDocument {
  // The space keeps the positions of errors as in the file.
  const json = text.startsWith('\ufeff') ? ` ${text.slice(1)}` : text;
  const checks = new Checks(json);
  visit(json, checks.visitor, accepted);
  return { value: parse(json, [], accepted), duplicates: checks.duplicates };
}

/** What has to come next. */
type Expected = 'value' | 'key' | 'colon' | 'comma' | 'end';

/** An object's keys so far, or an array. */
type Container = Set<string> | 'array';

/** Scans a text up to its first error. */
class Checks {
  readonly duplicates: PropertyKey[][] = [];
  readonly visitor: JSONVisitor = {
    onObjectBegin: (offset) => this.#begin(new Set(), offset),
    onObjectProperty: (key, offset, _length, _line, _column, path) => this.#key(key, offset, path()),
    onObjectEnd: (offset) => this.#end(offset),
    onArrayBegin: (offset) => this.#begin('array', offset),
    onArrayEnd: (offset) => this.#end(offset),
    onLiteralValue: () => this.#valueEnded(),
    onSeparator: (character) => this.#separator(character),
    onError: (_code, offset) => this.#fail(this.#reasonAt(offset), offset),
  };
  readonly #text: string;
  readonly #containers: Container[] = [];
  #expected: Expected = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  #begin(container: Container, offset: number): void {
    if (this.#containers.length >= maxDepth) this.#fail(`nested deeper than ${maxDepth} levels`, offset);
    this.#containers.push(container);
    this.#expected = container === 'array' ? 'value' : 'key';
  }

  #key(key: string, offset: number, path: readonly PropertyKey[]): void {
    // It would set the prototype instead of a member.
    if (key === '__proto__') this.#fail('the key "__proto__" is not allowed', offset);
    const keys = this.#containers.at(-1) as Set<string>;
    if (keys.has(key)) this.duplicates.push([...path, key]);
    keys.add(key);
    this.#expected = 'colon';
  }

  #separator(character: string): void {
    const isValue = character === ':' || this.#containers.at(-1) === 'array';
    this.#expected = isValue ? 'value' : 'key';
  }

  /** Also at the end of the text, if it should not end there. */
  #end(offset: number): void {
    if (offset === this.#text.length) this.#fail(this.#reasonAt(offset), offset);
    this.#containers.pop();
    this.#valueEnded();
  }

  #valueEnded(): void {
    this.#expected = this.#containers.length > 0 ? 'comma' : 'end';
  }

  #reasonAt(offset: number): string {
    const found = this.#text[offset];
    if (this.#text.startsWith('/*', offset)) return 'the comment has no end';
    if (found === '/') return 'a comment starts with // or /*';
    const inArray = this.#containers.at(-1) === 'array';
    switch (this.#expected) {
      case 'value':
        if (found === undefined) return this.#containers.length === 0 ? 'the file is empty' : 'the file ends too early';
        if (found === '"') return wrongString;
        return 'expected a value';
      case 'key':
        if (found === '"') return wrongString;
        return 'expected a key in double quotes';
      case 'colon':
        return 'expected a colon after the key';
      case 'comma':
        return `expected a comma or ${inArray ? ']' : '}'}`;
      case 'end':
        return 'unexpected text after the end';
    }
  }

  #fail(reason: string, offset: number): never {
    throw new JsonSyntaxError(reason, this.#text, offset);
  }
}

const wrongString = 'a string with a wrong escape, a line break in it, or no end';
