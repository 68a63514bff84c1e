import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { program } from '../../base/program/place.ts';

/** The start of a mailbridge command line, absolute: Node.js and the script, or only the executable. */
export type Program = readonly string[];

/** The mailbridge that is running. */
export function thisProgram(): Program {
  return program.command();
}

/** What the unit's sandbox hides from the service: ProtectHome, PrivateTmp. */
const hidden = ['/home/', '/root/', '/run/user/', '/tmp/', '/var/tmp/'];

/**
 * Refuses a program that the service could not run.
 * @throws BridgeError `usage`
 */
export function assertServiceMayRun(program: Program): void {
  for (const file of program) {
    const real = realpathSync(file);
    const fault = hidden.some((folder) => real.startsWith(folder))
      ? 'is where the service sees nothing'
      : closedTo(real) && `cannot be read by the service (${closedTo(real)} is closed to other users)`;
    if (!fault) continue;
    throw new BridgeError('usage', `${real} ${fault}.`, {
      remedy:
        'Install mailbridge where every user may read it: sudo npm install -g --prefix /opt/mailbridge mailbridge.',
    });
  }
}

/** The first file or folder on the path that other users may not read or enter. */
function closedTo(file: string): string | undefined {
  if ((statSync(file).mode & 0o004) === 0) return file;
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return folder;
  }
  return undefined;
}
