import { BridgeError, systemErrorCode } from '../base/errors.ts';
import { fileOwner } from '../base/files/file-owner.ts';

/**
 * Why a configuration file cannot be read, and what to do: a `config-not-found`. @param cause error of the file system
 */
export async function unreadableConfig(path: string, cause: unknown): Promise<BridgeError> {
  const code = systemErrorCode(cause) ?? 'unknown error';
  const options = { cause, details: { path } };
  const file = `The configuration file ${path}`;
  if (code === 'ENOENT') return new BridgeError('config-not-found', `${file} does not exist.`, options);
  const owner = code === 'EACCES' ? await fileOwner(path) : undefined;
  if (owner === undefined) return new BridgeError('config-not-found', `${file} cannot be read (${code}).`, options);
  const asThatUser = `Run the command as that user: sudo -u ${owner.replace(/^the user (\d+)$/, "'#$1'")} mailbridge …`;
  return new BridgeError('config-not-found', `${file} belongs to ${owner}, and you may not read it (${code}).`, {
    ...options,
    remedy:
      owner === 'root'
        ? `Run the command with sudo. If this user runs the bridge, let it read the file: chgrp its group, chmod 640 (and 750 for the folder).`
        : asThatUser,
  });
}
