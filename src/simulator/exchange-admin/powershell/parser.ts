import { bind, type RawArgument } from './binding.ts';
import { type Cmdlet, formatters } from './cmdlet.ts';
import { ScriptError } from './script-error.ts';
import type { Command, Expression, Pipeline, Statement } from './syntax.ts';
import { TokenCursor } from './token-cursor.ts';
import { type Token, tokenize } from './tokenizer.ts';

/**
 * Reads a script in the supported part of PowerShell: cmdlets and pipelines, variables, `foreach`, `if`, `throw`. The
 * whole script is read, and its cmdlets and their parameters are looked up, before anything runs.
 * @throws ScriptError
 */
export function parse(script: string, cmdlets: ReadonlyMap<string, Cmdlet>): readonly Statement[] {
  return new Parser(tokenize(script), cmdlets).script();
}

class Parser {
  readonly #tokens: TokenCursor;
  readonly #cmdlets: ReadonlyMap<string, Cmdlet>;

  constructor(tokens: readonly Token[], cmdlets: ReadonlyMap<string, Cmdlet>) {
    this.#tokens = new TokenCursor(tokens);
    this.#cmdlets = cmdlets;
  }

  script(): readonly Statement[] {
    const statements = this.#statements();
    if (this.#tokens.peek()) throw this.#tokens.unexpected();
    return statements;
  }

  /** Statements up to a closing brace or the end. */
  #statements(): readonly Statement[] {
    const statements: Statement[] = [];
    this.#tokens.skipSeparators();
    while (this.#tokens.peek() && !this.#tokens.isMark('}')) {
      statements.push(this.#statement());
      if (
        this.#tokens.peek() &&
        !this.#tokens.isMark('}') &&
        this.#tokens.peek()?.kind !== 'separator' &&
        !this.#tokens.isMark('}', -1)
      ) {
        throw this.#tokens.unexpected();
      }
      this.#tokens.skipSeparators();
    }
    return statements;
  }

  #statement(): Statement {
    const token = this.#tokens.peek();
    if (token?.kind === 'value' && token.value.kind === 'variable' && this.#tokens.isMark('=', 1)) {
      if (token.value.path.length > 0) throw this.#tokens.unexpected();
      this.#tokens.skip(2);
      return { kind: 'assignment', name: token.value.name, value: this.#pipelineOrExpression() };
    }
    if (token?.kind !== 'word') throw this.#tokens.unexpected();
    switch (token.text.toLowerCase()) {
      case 'foreach':
        return this.#foreach();
      case 'if':
        return this.#if();
      case 'throw':
        this.#tokens.take();
        return { kind: 'throw', line: token.line, value: this.#expression() };
      default:
        return { kind: 'pipeline', pipeline: this.#pipeline() };
    }
  }

  #foreach(): Statement {
    this.#tokens.take();
    this.#tokens.mark('(');
    const item = this.#tokens.take();
    if (item?.kind !== 'value' || item.value.kind !== 'variable') throw this.#tokens.unexpected(-1);
    const word = this.#tokens.take();
    if (word?.kind !== 'word' || word.text.toLowerCase() !== 'in') throw this.#tokens.unexpected(-1);
    const list = this.#pipelineOrExpression();
    this.#tokens.mark(')');
    return { kind: 'foreach', item: item.value.name, list, body: this.#block() };
  }

  #if(): Statement {
    const branches = [];
    let otherwise: readonly Statement[] = [];
    do {
      this.#tokens.take();
      this.#tokens.mark('(');
      const condition = this.#pipelineOrExpression();
      this.#tokens.mark(')');
      branches.push({ condition, body: this.#block() });
    } while (this.#continuesWith('elseif'));
    if (this.#continuesWith('else')) {
      this.#tokens.take();
      otherwise = this.#block();
    }
    return { kind: 'if', branches, otherwise };
  }

  /** Whether the word comes next; line breaks before it do not end the statement. */
  #continuesWith(word: string): boolean {
    let ahead = 0;
    while (this.#tokens.peek(ahead)?.kind === 'separator') ahead++;
    const token = this.#tokens.peek(ahead);
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#tokens.skip(ahead);
    return true;
  }

  #block(): readonly Statement[] {
    this.#tokens.skipSeparators();
    this.#tokens.mark('{');
    const body = this.#statements();
    this.#tokens.mark('}');
    return body;
  }

  #pipelineOrExpression(): Expression {
    const token = this.#tokens.peek();
    if (token?.kind === 'word' && !isNumber(token.text)) return { kind: 'pipeline', pipeline: this.#pipeline() };
    return this.#expression();
  }

  #pipeline(): Pipeline {
    const first = this.#command();
    const rest: Command[] = [];
    while (this.#tokens.isMark('|')) {
      this.#tokens.take();
      this.#tokens.skipSeparators();
      rest.push(fed(this.#command()));
    }
    return [first, ...rest];
  }

  #command(): Command {
    const token = this.#tokens.take();
    if (token?.kind !== 'word') throw this.#tokens.unexpected(-1);
    const cmdlet = this.#cmdlets.get(token.text.toLowerCase());
    if (!cmdlet) {
      throw new ScriptError(
        token.line,
        `The term '${token.text}' is not recognized as a name of a cmdlet, function, script file, or executable program (or not understood here).`,
      );
    }
    const raw: RawArgument[] = [];
    while (this.#startsArgument()) raw.push(this.#argument());
    return { line: token.line, cmdlet, given: bind(cmdlet, raw, token.line) };
  }

  #startsArgument(): boolean {
    const token = this.#tokens.peek();
    return (
      token !== undefined && token.kind !== 'separator' && !['|', ')', '}'].some((mark) => this.#tokens.isMark(mark))
    );
  }

  #argument(): RawArgument {
    const token = this.#tokens.peek();
    if (token?.kind !== 'parameter') return { kind: 'value', value: this.#list(true) };
    this.#tokens.take();
    if (!token.attached) return { kind: 'parameter', name: token.name };
    return { kind: 'parameter', name: token.name, value: this.#list(true) };
  }

  /** Operators (about_Operators): `-and` and `-or` have equal precedence, left to right. */
  #expression(): Expression {
    let left = this.#comparison();
    for (let operator = this.#operator('and', 'or'); operator; operator = this.#operator('and', 'or')) {
      left = { kind: 'operation', operator, left, right: this.#comparison() };
    }
    return left;
  }

  #comparison(): Expression {
    if (this.#tokens.isMark('!') || this.#tokens.isParameter('not')) {
      this.#tokens.take();
      return { kind: 'not', operand: this.#comparison() };
    }
    const left = this.#list(false);
    const operator = this.#operator('eq', 'ne');
    return operator ? { kind: 'operation', operator, left, right: this.#list(false) } : left;
  }

  #operator<T extends string>(...operators: readonly T[]): T | undefined {
    const found = operators.find((operator) => this.#tokens.isParameter(operator));
    if (found !== undefined) this.#tokens.take();
    return found;
  }

  /** One value, or several with commas. @param words whether a bare word is a string, as in arguments */
  #list(words: boolean): Expression {
    const items = [this.#single(words)];
    while (this.#tokens.isMark(',')) {
      this.#tokens.take();
      this.#tokens.skipSeparators();
      items.push(this.#single(words));
    }
    const [only] = items;
    return items.length === 1 && only ? only : { kind: 'array', items };
  }

  #single(words: boolean): Expression {
    const token = this.#tokens.take();
    if (token?.kind === 'value') return token.value;
    if (token?.kind === 'word' && (words || isNumber(token.text))) {
      return { kind: 'literal', value: isNumber(token.text) ? Number(token.text) : token.text };
    }
    if (token?.kind === 'mark' && token.text === '(') {
      const inner = this.#pipelineOrExpression();
      this.#tokens.mark(')');
      return inner;
    }
    if (token?.kind === 'mark' && token.text === '@(') return this.#array();
    if (token?.kind === 'mark' && token.text === '@{') return this.#table();
    throw this.#tokens.unexpected(-1);
  }

  /** about_Hash_Tables */
  #table(): Expression {
    const entries: { name: string; value: Expression }[] = [];
    this.#tokens.skipSeparators();
    while (!this.#tokens.isMark('}')) {
      const name = this.#tokens.take();
      if (name?.kind !== 'word') throw this.#tokens.unexpected(-1);
      // Without a space before it, the sign is part of the word.
      if (!name.text.endsWith('=')) this.#tokens.mark('=');
      entries.push({ name: name.text.replace(/=$/, ''), value: this.#pipelineOrExpression() });
      if (!this.#tokens.isMark('}') && this.#tokens.peek()?.kind !== 'separator') throw this.#tokens.unexpected();
      this.#tokens.skipSeparators();
    }
    this.#tokens.mark('}');
    return { kind: 'table', entries };
  }

  #array(): Expression {
    const items: Expression[] = [];
    this.#tokens.skipSeparators();
    while (!this.#tokens.isMark(')')) {
      const item = this.#pipelineOrExpression();
      // The contents of @(…) become the elements, however they are written.
      if (item.kind === 'array') items.push(...item.items);
      else items.push(item);
      if (!this.#tokens.isMark(')') && this.#tokens.peek()?.kind !== 'separator') throw this.#tokens.unexpected();
      this.#tokens.skipSeparators();
    }
    this.#tokens.mark(')');
    return { kind: 'array', items };
  }
}

/** @throws ScriptError for a command that takes no pipeline input here */
function fed(command: Command): Command {
  const { name, parameters } = command.cmdlet;
  if ('Identity' in parameters || formatters.includes(name)) return command;
  throw new ScriptError(command.line, `${name} takes nothing from a pipeline.`);
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
