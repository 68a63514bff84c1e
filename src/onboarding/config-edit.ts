import { readFile, realpath, stat } from 'node:fs/promises';
import {
  applyEdits,
  type Edit,
  type FormattingOptions,
  findNodeAtLocation,
  type JSONPath,
  modify,
  parseTree,
} from 'jsonc-parser';
import { BridgeError, systemErrorCode } from '../base/errors.ts';
import type { FileOwner } from '../base/files/ownership.ts';
import { addKeyBelowComment, removeKey } from './key-edits.ts';
import { assertCanWrite, writeWholeFile } from './whole-file.ts';

/** One value of the configuration. `undefined` removes the key. */
export interface ConfigChange {
  readonly path: JSONPath;
  readonly value: unknown;
}

/** Changes values of a JSON text and leaves everything else as it is: comments, order, indentation and line ends. */
export function editJson(text: string, changes: readonly ConfigChange[]): string {
  const format = {
    insertSpaces: !/^\t/m.test(text),
    tabSize: /^( +)\S/m.exec(text)?.[1]?.length ?? 2,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  return changes.reduce((edited, change) => applyEdits(edited, editsOf(edited, change, format)), text);
}

/** jsonc-parser's edits, except for two kinds that lose a comment or put it beside another key. */
function editsOf(text: string, { path, value }: ConfigChange, format: FormattingOptions): Edit[] {
  const root = parseTree(text);
  const present = root && findNodeAtLocation(root, path)?.parent;
  if (value === undefined && present?.type === 'property') return removeKey(text, present);
  const object = root && findNodeAtLocation(root, path.slice(0, -1));
  const key = path.at(-1);
  const added =
    !present && value !== undefined && object?.type === 'object' && typeof key === 'string'
      ? addKeyBelowComment(text, object, key, value, format)
      : undefined;
  return added ?? modify(text, path, value, { formattingOptions: format });
}

/**
 * Changes values in a configuration file, and keeps the old file beside it.
 * @param nowMs milliseconds since 1970; becomes part of the backup's name
 * @returns the backup's path, or undefined if nothing had to change
 * @throws BridgeError `config-not-found`, `file-not-written`
 */
export async function editConfigFile(
  path: string,
  changes: readonly ConfigChange[],
  nowMs: number,
): Promise<string | undefined> {
  const { text, mode, file, owner } = await readWithMode(path);
  const edited = editJson(text, changes);
  if (edited === text) return undefined;
  const backup = `${file}.bak-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')}`;
  await writeWholeFile(backup, text, mode, owner);
  await writeWholeFile(file, edited, mode);
  return backup;
}

/**
 * Checks whether {@link editConfigFile} can write, including the backup.
 * @throws BridgeError `config-not-found`, `file-not-written`
 */
export async function assertCanEdit(path: string): Promise<void> {
  await assertCanWrite((await readWithMode(path)).file);
}

async function readWithMode(path: string): Promise<{ text: string; mode: number; file: string; owner: FileOwner }> {
  try {
    // If the configuration is a link, its target is changed, not the link.
    const file = await realpath(path);
    const [text, { mode, uid, gid }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    return { text, mode: mode & 0o777, file, owner: { uid, gid } };
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('config-not-found', `The configuration file ${path} cannot be read (${reason}).`, { cause });
  }
}
