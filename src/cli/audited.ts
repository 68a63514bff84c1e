import { AuditLog } from '../admin/access/audit-log.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { systemClock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import { makeFolders } from '../base/files/ownership.ts';
import { usernameOf } from '../base/files/users.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';

/** Adds to the audit entry of a command. Nothing secret. */
export type AuditNote = (details: Readonly<Record<string, unknown>>) => void;

/** An action of a command for the audit log. */
export interface AuditedCommand {
  /** As the admin server names it: `app-passwords.add`. */
  readonly action: string;
  /** The objects of the action; nothing secret. */
  readonly details: Readonly<Record<string, unknown>>;
  /** See {@link commandUser}. */
  readonly user: string;
  readonly dataDir: string;
}

/**
 * The user who runs a command: the user of this machine; under `sudo` the one who called it. Call it before root
 * becomes the owner of the data folder.
 */
export function commandUser({ SUDO_USER: caller, USERNAME: windowsUser = 'unknown' }: CliIo['env']): string {
  const uid = process.geteuid?.();
  if (uid === undefined) return windowsUser;
  return uid === 0 && caller ? `${caller} (sudo)` : usernameOf(uid);
}

/**
 * Runs a command's action and writes it to the audit log of the data folder, whether it succeeds or fails. Afterwards
 * the process runs as the folder's owner.
 * @throws what `work` throws
 */
export async function audited<T>(
  command: AuditedCommand,
  io: CliIo,
  work: (note: AuditNote) => Promise<T>,
): Promise<T> {
  const details: Record<string, unknown> = { ...command.details };
  try {
    const result = await work((more) => void Object.assign(details, more));
    write({ ...command, details }, 'done', (reason) => {
      const text = `This is not in the audit log of ${command.dataDir}, which cannot be written (${reason}).`;
      new Screen(io.stderr, io.env).say(text, { mark: 'warning' });
    });
    return result;
  } catch (error) {
    // The error says why nothing was done; a log that cannot be written would add nothing to it.
    write({ ...command, details }, error instanceof BridgeError ? error.code : 'failed', () => {});
    throw error;
  }
}

/** @param failed called with the reason if it cannot be written */
function write({ action, details, user, dataDir }: AuditedCommand, outcome: string, failed: (reason: string) => void) {
  const error = (told: object) => failed(errorText('error' in told ? told.error : undefined));
  const audit = new AuditLog({ dataDir, clock: systemClock, log: { error } });
  try {
    becomeDataFolderOwner(dataDir);
    if (outcome === 'done') makeFolders(dataDir);
    audit.record({ user, by: 'command', address: null, action, details, outcome });
  } catch (cause) {
    failed(errorText(cause));
  } finally {
    audit.close();
  }
}
