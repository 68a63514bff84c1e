import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import { type FileReading, RereadFile, type RereadFileOptions } from '../reread-file.ts';
import { type PasswordLines, readPasswordLines } from './lines.ts';

/** A password file as found. */
export interface PasswordFile extends PasswordLines {
  /** Every user of this machine can read the hashes, and guess at them. */
  readonly isOpenToOthers: boolean;
}

const maxBytes = 4 * 1024 * 1024;

/** Opens a password file that is read again whenever it has changed. */
export function rereadPasswordFile(
  options: Pick<RereadFileOptions<PasswordFile>, 'file' | 'clock' | 'onFault' | 'onTaken'>,
): RereadFile<PasswordFile> {
  return new RereadFile({ ...options, maxBytes, parse });
}

/** Anyone who can write it can let anybody in. */
function parse(content: Buffer, { mode }: { readonly mode: number }): FileReading<PasswordFile> {
  const hasModes = process.platform !== 'win32';
  if (hasModes && (mode & 0o002) !== 0) throw new Error('can be written by every user of this machine: chmod 640');
  const lines = readPasswordLines(content);
  return { value: { ...lines, isOpenToOthers: hasModes && (mode & 0o004) !== 0 }, isUnfinished: lines.looksCut };
}

/**
 * Reads a password file once.
 * @throws BridgeError `password-file-unusable`
 */
export async function readPasswordFile(file: string, clock: Clock): Promise<PasswordFile> {
  const reread = rereadPasswordFile({ file, clock, onFault: () => {} });
  const found = await reread.current();
  if (found) return found;
  throw unusableFile(file, reread.fault ?? 'cannot be read');
}

export function unusableFile(file: string, fault: string): BridgeError {
  return new BridgeError('password-file-unusable', `The password file ${file} ${fault}.`, { details: { file } });
}

/** Describes the problems with a file's lines, on one line; undefined if there are none. */
export function lineProblemsText({ problems }: PasswordLines): string | undefined {
  if (problems.length === 0) return undefined;
  const told = problems.slice(0, toldAtOnce).map(({ line, text }) => `line ${line}: ${text}`);
  const more = problems.length > toldAtOnce ? [`and ${problems.length - toldAtOnce} more`] : [];
  return [...told, ...more].join('; ');
}

const toldAtOnce = 5;

/** What an administrator should change about a file that is otherwise valid. */
export function openToOthersText(file: string): string {
  return `every user of this machine may read ${file}, and guess at its hashes: chmod 640, with the group of the bridge's user`;
}
