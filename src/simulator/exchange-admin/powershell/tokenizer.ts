import { ScriptError } from './script-error.ts';
import type { Expression, Variable } from './syntax.ts';

/** The smallest parts of a script. */
export type Token =
  | { readonly kind: 'separator'; readonly line: number }
  | { readonly kind: 'mark'; readonly line: number; readonly text: string }
  | { readonly kind: 'value'; readonly line: number; readonly value: Expression }
  | { readonly kind: 'word'; readonly line: number; readonly text: string }
  /** `-Name`, or `-Name:` with a value attached. */
  | { readonly kind: 'parameter'; readonly line: number; readonly name: string; readonly attached: boolean };

const singleQuotes = "'\u2018\u2019\u201a\u201b";
const doubleQuotes = '"\u201c\u201d\u201e';
const variableName = /\$(?:\{(\w+)\}|(\w+))/y;
const member = /\.([A-Za-z]\w*)/y;
const parameterName = /-([A-Za-z]\w*)(:?)/y;
const plainWord = /[^\s;|(){},`'"\u2018-\u201e#$=][^\s;|(){},`'"\u2018-\u201e$]*/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/**
 * Splits a script (about_Parsing, about_Quoting_Rules).
 * @throws ScriptError
 */
export function tokenize(script: string): readonly Token[] {
  return new Tokenizer(script.replaceAll('\r\n', '\n')).all();
}

class Tokenizer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  all(): readonly Token[] {
    while (this.#at < this.#text.length) this.#next();
    return this.#tokens;
  }

  #next(): void {
    const line = this.#line;
    const text = this.#text;
    const char = text[this.#at] ?? '';
    if (char === '\n' || char === ';') {
      this.#tokens.push({ kind: 'separator', line });
      this.#advance(1);
    } else if (/\s|\uFEFF/.test(char)) this.#advance(1);
    else if (text.startsWith('`\n', this.#at)) this.#advance(2);
    else if (text.startsWith('<#', this.#at)) this.#advanceTo('#>', 'The comment has no end.');
    else if (char === '#') this.#advance((text.indexOf('\n', this.#at) + 1 || text.length + 1) - 1 - this.#at);
    else if (text.startsWith('@(', this.#at)) this.#mark('@(');
    else if (text.startsWith('@{', this.#at)) this.#mark('@{');
    else if ('{}(),|=!'.includes(char)) this.#mark(char);
    else if (singleQuotes.includes(char)) this.#literal();
    else if (doubleQuotes.includes(char)) this.#expandable();
    else if (char === '$') this.#tokens.push({ kind: 'value', line, value: this.#variable(true) });
    else if (!this.#parameter()) this.#word();
  }

  #mark(mark: string): void {
    this.#tokens.push({ kind: 'mark', line: this.#line, text: mark });
    this.#advance(mark.length);
  }

  #parameter(): boolean {
    const found = this.#match(parameterName);
    if (!found) return false;
    this.#tokens.push({ kind: 'parameter', line: this.#line, name: found[1] ?? '', attached: found[2] === ':' });
    return true;
  }

  #word(): void {
    const found = this.#match(plainWord);
    if (!found) throw this.#error(`The character ${this.#text[this.#at]} is not understood here.`);
    this.#tokens.push({ kind: 'word', line: this.#line, text: found[0] });
  }

  /** @param withMembers outside of a string, `.Name` after it is a property */
  #variable(withMembers: boolean): Variable {
    const found = this.#match(variableName);
    if (!found) throw this.#error('Of what begins with $, only variables are understood here.');
    const path: string[] = [];
    for (let next = withMembers && this.#match(member); next; next = this.#match(member)) path.push(next[1] ?? '');
    return { kind: 'variable', line: this.#line, name: (found[1] ?? found[2] ?? '').toLowerCase(), path };
  }

  /** A string in single quotes: a doubled quote is a quote. */
  #literal(): void {
    const line = this.#line;
    const value = this.#quoted(singleQuotes, () => this.#take()).join('');
    this.#tokens.push({ kind: 'value', line, value: { kind: 'literal', value } });
  }

  /** A string in double quotes, with variables, `$($variable.Property)` and escapes. */
  #expandable(): void {
    const line = this.#line;
    const parts = this.#quoted<string | Variable>(doubleQuotes, () => {
      if (this.#text[this.#at] === '`') {
        this.#advance(1);
        const escaped = this.#take();
        return escapes[escaped] ?? escaped;
      }
      if (this.#text.startsWith('$(', this.#at)) return this.#subexpression();
      return /\$[\w{]/y.test(this.#text.slice(this.#at, this.#at + 2)) ? this.#variable(false) : this.#take();
    });
    this.#tokens.push({ kind: 'value', line, value: { kind: 'expandable', parts } });
  }

  #subexpression(): Variable {
    this.#advance(2);
    const variable = this.#variable(true);
    if (this.#take() !== ')') throw this.#error('In $(…) only a variable and its properties are understood here.');
    return variable;
  }

  /** Reads to the closing quote; two quotes stand for one. */
  #quoted<T>(quotes: string, part: () => T): (T | string)[] {
    const start = this.#line;
    this.#advance(1);
    const parts: (T | string)[] = [];
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) throw new ScriptError(start, 'The string is missing the terminator.');
      if (!quotes.includes(char)) parts.push(part());
      else {
        this.#advance(1);
        const next = this.#text[this.#at];
        if (next === undefined || !quotes.includes(next)) return parts;
        parts.push(this.#take());
      }
    }
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#advance(found[0].length);
    return found;
  }

  #take(): string {
    const char = this.#text[this.#at] ?? '';
    this.#advance(1);
    return char;
  }

  #advanceTo(end: string, complaint: string): void {
    const index = this.#text.indexOf(end, this.#at);
    if (index === -1) throw this.#error(complaint);
    this.#advance(index + end.length - this.#at);
  }

  #advance(count: number): void {
    this.#line += this.#text.slice(this.#at, this.#at + count).split('\n').length - 1;
    this.#at += count;
  }

  #error(message: string): ScriptError {
    return new ScriptError(this.#line, message);
  }
}
