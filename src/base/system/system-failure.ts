import { BridgeError, systemErrorCode } from '../errors.ts';
import { isRoot } from '../files/ownership.ts';

/** Facts that Node.js adds to an error of the operating system. */
interface SystemFacts {
  readonly syscall?: unknown;
  readonly path?: unknown;
  readonly dest?: unknown;
  readonly address?: unknown;
  readonly port?: unknown;
}

const denied = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * Translates an error of the operating system so that the person at the terminal can act on it. This is the last
 * resort: expected failures are reported in more detail where they occur.
 * @returns undefined for an error of another kind, which is a defect
 */
export function systemFailure(error: unknown): BridgeError | undefined {
  const code = systemErrorCode(error);
  if (code === 'ERR_SQLITE_ERROR') return new BridgeError('file-unusable', databaseText(error), { cause: error });
  const { syscall, path, dest, address, port } = (error ?? {}) as SystemFacts;
  if (code === undefined || typeof syscall !== 'string') return undefined;
  if (syscall === 'listen' || syscall === 'bind') {
    const where = typeof port === 'number' ? `${address}:${port}` : `${address ?? path}`;
    return code === 'EADDRINUSE'
      ? new BridgeError('port-in-use', `${where} is in use by another program.`, { cause: error })
      : new BridgeError('listen-failed', `${where} cannot be opened for listening (${code}).`, { cause: error });
  }
  // Network failures have their own texts.
  if (typeof port === 'number' || syscall === 'getaddrinfo' || syscall === 'connect') return undefined;
  const what = [path, dest].filter((each) => typeof each === 'string').join(' → ') || 'A file or its output';
  const remedy =
    denied.has(code) && !isRoot() ? 'Run the command as the user that owns the file, or with sudo.' : undefined;
  return new BridgeError('file-unusable', `${what} cannot be used (${code}, ${syscall}).`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function databaseText(error: unknown): string {
  return `A database in the data folder cannot be used (${(error as Error).message}).`;
}
