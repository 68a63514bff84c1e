import { statSync } from 'node:fs';
import { BridgeError } from '../../base/errors.ts';
import { fetchSecret } from '../../config/secrets.ts';
import type { CliIo } from '../terminal/io.ts';
import { promptHidden } from '../terminal/prompt-hidden.ts';
import { tellWarning } from '../terminal/tell-error.ts';

const fewestCharacters = 12;
const maxBytes = 1024;
const variable = 'MAILBRIDGE_BACKUP_PASSPHRASE';

/**
 * Gets the passphrase of a backup: from a file, from the environment, or typed at the terminal. Never from an argument,
 * which every user of the machine can see.
 * @param file of `--passphrase-file`
 * @param isNew asks twice, and refuses one that could be guessed
 * @param json whether a warning is an object
 * @throws BridgeError `backup-passphrase-unusable`, `cancelled`
 */
export async function readPassphrase(
  io: CliIo,
  file: string | undefined,
  { isNew, json }: { readonly isNew: boolean; readonly json: boolean },
): Promise<string> {
  const passphrase = given(io, file, json) ?? (await typed(io, isNew));
  if (/[\r\n]/.test(passphrase)) throw unusable('has several lines');
  if (Buffer.byteLength(passphrase) > maxBytes) throw unusable(`is longer than ${maxBytes} bytes`);
  if (isNew && [...passphrase].length < fewestCharacters) {
    throw unusable(`is shorter than ${fewestCharacters} characters`);
  }
  return passphrase;
}

function given(io: CliIo, file: string | undefined, json: boolean): string | undefined {
  const source = file === undefined ? { env: variable } : { file };
  if (file === undefined && io.env[variable] === undefined) return undefined;
  const found = fetchSecret(source, io.env, (path) => path);
  if ('problem' in found) throw new BridgeError('backup-passphrase-unusable', `No passphrase: ${found.problem}.`);
  if (file !== undefined && isOpenToOthers(file)) {
    tellWarning(io, `${file} can be read by other users: chmod 600 ${file}`, json);
  }
  return found.secret;
}

function isOpenToOthers(file: string): boolean {
  const facts = process.platform === 'win32' ? undefined : statSync(file, { throwIfNoEntry: false });
  return facts?.isFile() === true && (facts.mode & 0o077) !== 0;
}

async function typed(io: CliIo, isNew: boolean): Promise<string> {
  if (!io.stdin.isTTY) throw new BridgeError('backup-passphrase-unusable', 'No passphrase was given.');
  const passphrase = await promptHidden(io, 'Passphrase of the backup: ', maxBytes + 1);
  if (passphrase === undefined) throw new BridgeError('cancelled', 'No passphrase was given.');
  if (!isNew || [...passphrase].length < fewestCharacters) return passphrase;
  const again = await promptHidden(io, 'Again: ', maxBytes + 1);
  if (again === undefined) throw new BridgeError('cancelled', 'No passphrase was given.');
  if (again !== passphrase) throw new BridgeError('backup-passphrase-unusable', 'The passphrases do not match.');
  return passphrase;
}

function unusable(what: string): BridgeError {
  return new BridgeError('backup-passphrase-unusable', `The passphrase ${what}.`);
}
