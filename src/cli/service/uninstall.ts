import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCacheDir, systemConfig, systemDataDir } from '../../base/system/system-paths.ts';
import { type Machine, mustRun } from './machine.ts';
import { removeSendmail } from './sendmail.ts';
import { unitPath } from './unit.ts';

/**
 * Stops the service and uninstalls it. Configuration, keys and queue stay, and so does the user who owns them.
 * @param tell called for each thing done
 * @throws BridgeError `service-step-failed`
 */
export function uninstallService(machine: Machine, tell: (line: string) => void): void {
  const unit = machine.path(unitPath);
  if (existsSync(unit)) {
    if (machine.runsSystemd) {
      mustRun(machine, 'systemctl', ['disable', '--now', 'mailbridge']);
      tell('stopped and disabled mailbridge');
    }
    rmSync(unit);
    tell(`removed ${unitPath}`);
    if (machine.runsSystemd) mustRun(machine, 'systemctl', ['daemon-reload']);
  }
  const cache = machine.path(systemCacheDir);
  if (existsSync(cache)) {
    rmSync(cache, { recursive: true });
    tell(`removed ${systemCacheDir}`);
  }
  for (const line of removeSendmail(machine)) tell(line);
}

/** Names what stays on the machine. */
export const whatStays = `These stay, with the user that owns them:
  ${dirname(systemConfig).padEnd(20)} configuration and keys
  ${systemDataDir.padEnd(20)} queue, sign-ins, certificates
Mail that is waiting there is no longer delivered. mailbridge queue list shows it.
`;
