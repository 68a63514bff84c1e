import { readFile, realpath, stat } from 'node:fs/promises';
import { applyEdits, type JSONPath, modify } from 'jsonc-parser';
import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { writeWholeFile } from './whole-file.ts';

/** One value of the configuration. `undefined` takes the key out. */
export interface ConfigChange {
  readonly path: JSONPath;
  readonly value: unknown;
}

/** Changes values of a JSON text and leaves the rest, order, indentation and line ends, as it is. */
export function editJson(text: string, changes: readonly ConfigChange[]): string {
  const formattingOptions = {
    insertSpaces: !/^\t/m.test(text),
    tabSize: /^( +)\S/m.exec(text)?.[1]?.length ?? 2,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
  return changes.reduce(
    (edited, { path, value }) => applyEdits(edited, modify(edited, path, value, { formattingOptions })),
    text,
  );
}

/**
 * Changes values in a configuration file, and keeps the old one beside it.
 * @param nowMs milliseconds since 1970; becomes part of the backup's name
 * @returns the backup's path, or undefined when nothing had to change
 * @throws BridgeError `config-not-found`, `file-not-written`
 */
export async function editConfigFile(
  path: string,
  changes: readonly ConfigChange[],
  nowMs: number,
): Promise<string | undefined> {
  const { text, mode, file } = await readWithMode(path);
  const edited = editJson(text, changes);
  if (edited === text) return undefined;
  const backup = `${file}.bak-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')}`;
  await writeWholeFile(backup, text, mode);
  await writeWholeFile(file, edited, mode);
  return backup;
}

async function readWithMode(path: string): Promise<{ text: string; mode: number; file: string }> {
  try {
    // Where the configuration is a link, what it points to is changed, not the link.
    const file = await realpath(path);
    const [text, { mode }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    return { text, mode: mode & 0o777, file };
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? 'unknown error';
    throw new BridgeError('config-not-found', `The configuration file ${path} cannot be read (${reason}).`, { cause });
  }
}
