import { ScriptError } from './script-error.ts';
import type { Token } from './tokenizer.ts';

/** A position in the tokens of a script. */
export class TokenCursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The next token, or one further on; negative: before. */
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  /** Consumes the next token. */
  take(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  isMark(mark: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.kind === 'mark' && token.text === mark;
  }

  isParameter(name: string): boolean {
    const token = this.peek();
    return token?.kind === 'parameter' && token.name.toLowerCase() === name;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Consumes a required mark. @throws ScriptError */
  mark(mark: string): void {
    if (!this.isMark(mark)) throw this.unexpected();
    this.#at++;
  }

  skipSeparators(): void {
    while (this.peek()?.kind === 'separator') this.#at++;
  }

  /** The error for an unexpected token. */
  unexpected(ahead = 0): ScriptError {
    const token = this.peek(ahead);
    const line = token?.line ?? this.#tokens.at(-1)?.line ?? 1;
    return new ScriptError(line, `${token ? described(token) : 'The end'} is not understood here.`);
  }
}

function described(token: Token): string {
  switch (token.kind) {
    case 'separator':
      return 'The end of the line';
    case 'value':
      return token.value.kind === 'variable' ? `The variable $${token.value.name}` : 'A string';
    case 'parameter':
      return `-${token.name}`;
    default:
      return token.text;
  }
}
