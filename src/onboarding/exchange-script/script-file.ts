import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { writeWholeFile } from '../whole-file.ts';

/** A script, and where it belongs. */
export interface ScriptFileRequest {
  /** Name of the connection. */
  readonly name: string;
  readonly script: string;
  readonly undo: boolean;
  /** Replaces whatever is there. */
  readonly force: boolean;
}

/** What became of the file. `other`: there is another text under its name, which was left alone. */
export interface ScriptFile {
  readonly path: string;
  readonly outcome: 'written' | 'unchanged' | 'other';
}

/**
 * Writes the script of a connection to `NAME.ps1` (`NAME-undo.ps1`) beside the configuration. There is no secret in it.
 * @param folder that of the configuration
 * @throws BridgeError `file-not-written`
 */
export async function writeScriptFile(folder: string, request: ScriptFileRequest): Promise<ScriptFile> {
  const { name, script, undo, force } = request;
  const path = join(folder, fileName(name, undo));
  const text = fileText(script);
  if (!force) {
    const present = await presentText(path);
    if (present !== undefined) return { path, outcome: present === text ? 'unchanged' : 'other' };
  }
  await writeWholeFile(path, text, 0o644);
  return { path, outcome: 'written' };
}

/** How the file gets to where it is run: one line each. */
export function carryingLines({ path }: Pick<ScriptFile, 'path'>): string[] {
  const file = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  const quotedFile = /^[\w.-]+$/.test(file) ? file : `"${file}"`;
  return [
    'Copy it to a machine with PowerShell. There an Exchange administrator runs:',
    `  Windows:       powershell -ExecutionPolicy Bypass -File ${quotedFile}`,
    `  Linux, macOS:  pwsh ${quotedFile}`,
  ];
}

/** The script of a connection as a file that somebody downloads: its name, its text, and how it is run. */
export function scriptFileOf(name: string, script: string) {
  const file = fileName(name, false);
  return {
    file,
    text: fileText(script),
    runs: carryingLines({ path: file })
      .slice(1)
      .map((line) => line.trim()),
  };
}

function fileName(connection: string, undo: boolean): string {
  return `${connection.replace(/[^\p{L}\p{N}._-]+/gu, '-')}${undo ? '-undo' : ''}.ps1`;
}

/** Windows PowerShell reads a file as UTF-8 only where a byte order mark says so. */
function fileText(script: string): string {
  return /^[\0-\x7f]*$/.test(script) ? script : `\uFEFF${script}`;
}

/** What is under the name already; what cannot be read is another text too. */
async function presentText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? undefined : '';
  }
}
