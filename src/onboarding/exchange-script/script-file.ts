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
  /** Overwrites whatever is there. */
  readonly force: boolean;
}

/** The result for the file. `other`: a different text has its name and was left alone. */
export interface ScriptFile {
  readonly path: string;
  readonly outcome: 'written' | 'unchanged' | 'other';
}

/**
 * Writes the script of a connection to `NAME.ps1` (`NAME-undo.ps1`) beside the configuration. It contains no secret.
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

/** How to get the file to where it is run: one line each. */
export function carryingLines({ path }: Pick<ScriptFile, 'path'>): string[] {
  const file = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  const quotedFile = /^[\w.-]+$/.test(file) ? file : `"${file}"`;
  return [
    'Copy it to a machine with PowerShell. There an Exchange administrator runs:',
    `  Windows:       powershell -ExecutionPolicy Bypass -File ${quotedFile}`,
    `  Linux, macOS:  pwsh ${quotedFile}`,
  ];
}

/** The script of a connection as a file to download: its name, its text, and how to run it. */
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

/** Windows PowerShell only reads a file as UTF-8 if it has a byte order mark. */
function fileText(script: string): string {
  return /^[\0-\x7f]*$/.test(script) ? script : `\uFEFF${script}`;
}

/** The existing content under the name; an unreadable file counts as a different text. */
async function presentText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? undefined : '';
  }
}
