import { CmdletError, type Parameter } from './parameter.ts';
import { isList, isRow, propertyOf, textOf, type Value } from './value.ts';

/** The arguments of one call, converted by type as PowerShell binds them. */
export class Arguments {
  readonly #given: ReadonlyMap<string, Value>;

  /** @throws CmdletError for a value that does not fit its parameter, or a missing mandatory one */
  constructor(parameters: Readonly<Record<string, Parameter>>, given: ReadonlyMap<string, Value>) {
    this.#given = given;
    for (const [name, { type, mandatory }] of Object.entries(parameters)) {
      const value = given.get(name);
      if (value === undefined) {
        if (mandatory) {
          throw new CmdletError(`Cannot process command because of one or more missing mandatory parameters: ${name}.`);
        }
        continue;
      }
      assertFits(name, type, value);
    }
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** Empty if not given. */
  text(name: string): string {
    return textOf(this.#given.get(name) ?? null);
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#given.get(name) ?? [];
    return isList(value) ? value.map(textOf) : [textOf(value)];
  }

  /** The list after the change; the list unchanged if none was given. */
  changed(name: string, before: readonly string[]): readonly string[] {
    const value = this.#given.get(name);
    if (value === undefined) return before;
    if (!isRow(value)) return this.texts(name);
    const [added, removed] = ['Add', 'Remove'].map((key) => listOf(propertyOf(value, key)));
    const isGone = (one: string) => removed?.some((other) => other.toLowerCase() === one.toLowerCase());
    return [...new Set([...before, ...(added ?? [])])].filter((one) => !isGone(one));
  }

  /** Undefined if not given. */
  flag(name: string): boolean | null | undefined {
    const value = this.#given.get(name);
    return value === null || typeof value === 'boolean' ? value : undefined;
  }
}

function listOf(value: Value): readonly string[] {
  if (value === null) return [];
  return isList(value) ? value.map(textOf) : [textOf(value)];
}

function assertFits(name: string, type: Parameter['type'], value: Value): void {
  if (type === 'any' || (type === 'boolean?' && value === null)) return;
  if (type === 'changes' && isRow(value)) {
    const unknown = Object.keys(value).find((key) => !['add', 'remove'].includes(key.toLowerCase()));
    if (unknown === undefined) return;
    throw new CmdletError(`Cannot convert hash table: '${unknown}' of parameter '${name}' is neither Add nor Remove.`);
  }
  if (type === 'boolean' || type === 'boolean?' || type === 'switch') {
    if (typeof value === 'boolean') return;
    throw new CmdletError(
      `Cannot process argument transformation on parameter '${name}'. Cannot convert value "${textOf(value)}" to type "System.Boolean".`,
    );
  }
  if (value === null) throw new CmdletError(`Cannot bind argument to parameter '${name}' because it is null.`);
  if (value === '') throw new CmdletError(`Cannot bind argument to parameter '${name}' because it is an empty string.`);
  const isLong = isList(value) && type === 'text';
  if (isLong || (isRow(value) && value.Identity === undefined)) {
    throw new CmdletError(`Cannot convert the value of parameter '${name}' to type "System.String".`);
  }
}
