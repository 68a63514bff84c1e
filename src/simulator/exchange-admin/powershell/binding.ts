import type { Cmdlet } from './cmdlet.ts';
import { ScriptError } from './script-error.ts';
import type { Expression } from './syntax.ts';

/** An argument as written: `-Name`, `-Name:value`, or a value. */
export type RawArgument =
  | { readonly kind: 'parameter'; readonly name: string; readonly value?: Expression }
  | { readonly kind: 'value'; readonly value: Expression };

/**
 * Finds which parameter each argument is for (about_Parameters).
 * @returns the arguments by parameter name, spelled as the cmdlet does
 * @throws ScriptError for an unknown parameter, a missing value, or one argument too many
 */
export function bind(
  cmdlet: Cmdlet,
  raw: readonly RawArgument[],
  line: number,
): ReadonlyMap<string, Expression | 'switch'> {
  const given = new Map<string, Expression | 'switch'>();
  const loose: Expression[] = [];
  const put = (name: string, value: Expression | 'switch') => {
    if (given.has(name)) throw new ScriptError(line, `${cmdlet.name}: the parameter '${name}' is given twice.`);
    given.set(name, value);
  };
  for (let i = 0; i < raw.length; i++) {
    const argument = raw[i] as RawArgument;
    if (argument.kind === 'value') {
      loose.push(argument.value);
      continue;
    }
    const [name, parameter] = parameterOf(cmdlet, argument.name, line);
    const next = raw[i + 1];
    if (argument.value) put(name, argument.value);
    else if (parameter.type === 'switch') put(name, 'switch');
    else if (next?.kind === 'value') {
      put(name, next.value);
      i++;
    } else throw new ScriptError(line, `${cmdlet.name}: Missing an argument for parameter '${name}'.`);
  }
  const free = cmdlet.positions.filter((name) => !given.has(name));
  for (const value of loose) {
    const name = free.shift();
    if (name === undefined) {
      throw new ScriptError(line, `${cmdlet.name}: A positional parameter cannot be found that accepts this argument.`);
    }
    put(name, value);
  }
  return given;
}

function parameterOf(cmdlet: Cmdlet, name: string, line: number) {
  const found = Object.entries(cmdlet.parameters).find(([known]) => known.toLowerCase() === name.toLowerCase());
  if (found) return found;
  throw new ScriptError(line, `${cmdlet.name}: A parameter cannot be found that matches parameter name '${name}'.`);
}
