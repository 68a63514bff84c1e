import { type DescribedBlock, type DescribedKey, describeConfig } from '../../config/describe.ts';
import { configJsonSchema } from '../../config/json-schema.ts';

/**
 * The reference text of a key: `listeners[].port`, as in an error (`listeners[0].port`, `connections.contoso.grant`),
 * or only the end of its path (`port`).
 * @returns undefined if no key has this name
 */
export function describedKey(name: string): string | undefined {
  if (!/\w/.test(name)) return undefined;
  const blocks = describedBlocks();
  const keys = blocks.flatMap((block) => block.keys);
  const exact = keys.filter(({ path }) => isNamed(path, name));
  const found = exact.length > 0 ? exact : keys.filter(({ path }) => path.endsWith(`.${name}`));
  const named = found.map(({ path }) => path);
  const below = blocks.filter(({ path }) => isNamed(path, name) || named.some((key) => isBlockOf(path, key)));
  if (found.length === 0 && below.length === 0) return undefined;
  return [...found.map(keyText), ...below.map(blockText)].join('\n');
}

/** The names of all keys. */
export function configurationKeys(): string[] {
  return describedBlocks().flatMap(({ keys }) => keys.map(({ path }) => path));
}

let reference: readonly DescribedBlock[] | undefined;

/** The whole reference, created once. */
function describedBlocks(): readonly DescribedBlock[] {
  reference ??= describeConfig(configJsonSchema());
  return reference;
}

/** List indexes may be given or left out, names in objects match NAME. */
function isNamed(path: string, name: string): boolean {
  const parts = path.split('.');
  const given = name.replaceAll(/\[\d*\]/g, '').split('.');
  return (
    parts.length === given.length &&
    parts.every((part, n) => part === 'NAME' || part.replace('[]', '').toLowerCase() === given[n]?.toLowerCase())
  );
}

function isBlockOf(path: string, key: string): boolean {
  return path === key || path === `${key}[]` || path === `${key}.NAME`;
}

function keyText(key: DescribedKey): string {
  return `${key.path}\n  ${traits(key)}\n  ${key.description}\n`;
}

function blockText({ path, keys }: DescribedBlock): string {
  const width = Math.max(...keys.map((key) => lastName(key).length));
  const lines = keys.map((key) => `  ${lastName(key).padEnd(width)}  ${traits(key)}`);
  return `Keys of ${path}:\n${lines.join('\n')}\n`;
}

function lastName({ path }: DescribedKey): string {
  return path.replace(/^.*\./, '');
}

function traits(key: DescribedKey): string {
  const only = key.variants === undefined ? [] : [`for ${key.variants.join(', ')} only`];
  return [key.type.replaceAll('`', ''), ...necessity(key), ...only].join('; ');
}

function necessity(key: DescribedKey): string[] {
  if (key.default !== undefined) return [`default ${JSON.stringify(key.default)}`];
  if (key.required) return ['required'];
  return key.requiredBy === undefined ? [] : [`required for ${key.requiredBy.join(', ')}`];
}
