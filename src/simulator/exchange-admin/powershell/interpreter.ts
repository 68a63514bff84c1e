import { Arguments } from './arguments.ts';
import { formatters, type PowerShellSession } from './cmdlet.ts';
import { CmdletError } from './parameter.ts';
import { ScriptError } from './script-error.ts';
import type { Command, Expression, Pipeline, Statement, Variable } from './syntax.ts';
import { isEqual, isList, isTrue, propertyOf, type Row, textOf, type Value } from './value.ts';

/** One cmdlet that was run. */
export interface Step {
  /** Counted from 1. */
  readonly line: number;
  readonly cmdlet: string;
  readonly output: readonly Row[];
  /** The cmdlet asked for confirmation. */
  readonly asked?: true;
}

/** What a script did. */
export interface Outcome {
  readonly steps: readonly Step[];
  /** Its output for people. */
  readonly host: readonly string[];
  /** What PowerShell showed in red; empty if all went well. */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

/** Runs a parsed script in a new session. An error ends it if `Stop` is set, as in PowerShell. */
export function execute(script: readonly Statement[]): Outcome {
  return new Interpreter().run(script);
}

/** Ends the script. */
class Stopped extends Error {}

class Interpreter implements PowerShellSession {
  connected = false;
  readonly host: string[] = [];
  readonly #steps: Step[] = [];
  readonly #errors: { line: number; message: string }[] = [];
  readonly #variables = new Map<string, Value>([
    ['true', true],
    ['false', false],
    ['null', null],
    ['erroractionpreference', 'Continue'],
  ]);

  run(script: readonly Statement[]): Outcome {
    try {
      this.#runAll(script);
    } catch (error) {
      if (error instanceof ScriptError) this.#errors.push({ line: error.line, message: error.message });
      else if (!(error instanceof Stopped)) throw error;
    }
    return { steps: this.#steps, host: this.host, errors: this.#errors };
  }

  #runAll(statements: readonly Statement[]): void {
    for (const statement of statements) this.#runOne(statement);
  }

  #runOne(statement: Statement): void {
    switch (statement.kind) {
      case 'assignment':
        this.#variables.set(statement.name, this.#valueOf(statement.value));
        return;
      case 'pipeline':
        this.#runPipeline(statement.pipeline);
        return;
      case 'foreach': {
        const list = this.#valueOf(statement.list);
        for (const item of isList(list) ? list : [list]) {
          this.#variables.set(statement.item, item);
          this.#runAll(statement.body);
        }
        return;
      }
      case 'if': {
        const branch = statement.branches.find(({ condition }) => isTrue(this.#valueOf(condition)));
        this.#runAll(branch?.body ?? statement.otherwise);
        return;
      }
      case 'throw':
        throw new ScriptError(statement.line, textOf(this.#valueOf(statement.value)));
    }
  }

  #runPipeline([first, ...rest]: Pipeline): readonly Row[] {
    let rows = this.#runCommand(first);
    for (const command of rest) {
      // Cmdlets that format or drop pass nothing on; the others run for each object.
      const formats = formatters.includes(command.cmdlet.name);
      rows = formats ? [] : rows.flatMap((row) => this.#runCommand(command, row));
    }
    return rows;
  }

  /** @param input an object that the pipeline passes on */
  #runCommand(command: Command, input?: Row): readonly Row[] {
    const { cmdlet, line } = command;
    const given = new Map<string, Value>();
    if (input?.Identity !== undefined) given.set('Identity', input.Identity as Value);
    for (const [name, value] of command.given) given.set(name, value === 'switch' ? true : this.#valueOf(value));
    try {
      if (cmdlet.ofExchange && !this.connected) {
        throw new CmdletError(
          `The term '${cmdlet.name}' is not recognized as a name of a cmdlet, function, script file, or executable program.`,
        );
      }
      const output = cmdlet.run(new Arguments(cmdlet.parameters, given), this);
      const asked = cmdlet.asks && given.get('Confirm') !== false;
      this.#steps.push({ line, cmdlet: cmdlet.name, output, ...(asked ? { asked } : {}) });
      return output;
    } catch (error) {
      if (!(error instanceof CmdletError)) throw error;
      this.#fail(line, error.message, given.get('ErrorAction') ?? this.#variables.get('erroractionpreference') ?? '');
      return [];
    }
  }

  #fail(line: number, message: string, action: Value): void {
    const wanted = textOf(action).toLowerCase();
    if (wanted === 'silentlycontinue' || wanted === 'ignore') return;
    this.#errors.push({ line, message });
    if (wanted === 'stop') throw new Stopped();
  }

  #valueOf(expression: Expression): Value {
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'variable':
        return this.#read(expression);
      case 'expandable':
        return expression.parts.map((part) => (typeof part === 'string' ? part : textOf(this.#read(part)))).join('');
      case 'array':
        return expression.items.map((item) => this.#valueOf(item));
      case 'table':
        return Object.fromEntries(expression.entries.map(({ name, value }) => [name, this.#valueOf(value)]));
      case 'not':
        return !isTrue(this.#valueOf(expression.operand));
      case 'operation':
        return this.#operate(expression);
      case 'pipeline': {
        const rows = this.#runPipeline(expression.pipeline);
        return rows.length === 1 ? (rows[0] ?? null) : rows.length === 0 ? null : rows;
      }
    }
  }

  #operate({ operator, left, right }: Extract<Expression, { kind: 'operation' }>): boolean {
    const value = this.#valueOf(left);
    if (operator === 'and') return isTrue(value) && isTrue(this.#valueOf(right));
    if (operator === 'or') return isTrue(value) || isTrue(this.#valueOf(right));
    return isEqual(value, this.#valueOf(right)) === (operator === 'eq');
  }

  /** Reading an unset variable is an error, as under `Set-StrictMode`. */
  #read({ name, path, line }: Variable): Value {
    const value = this.#variables.get(name);
    if (value === undefined) {
      throw new ScriptError(line, `The variable '$${name}' cannot be retrieved because it has not been set.`);
    }
    return path.reduce((current: Value, property) => propertyOf(current, property), value);
  }
}
