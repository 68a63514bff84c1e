import { program as shipped } from '../../base/program/place.ts';
import { systemConfig } from '../../base/system/system-paths.ts';
import type { Program } from './program.ts';

/** Where systemd looks for the administrator's units: systemd.unit(5). */
export const unitPath = '/etc/systemd/system/mailbridge.service';

/** The unit that ships in the package. */
export function shippedUnit(): string {
  return shipped.read('service/mailbridge.service').toString('utf8');
}

/** The values filled into the unit. */
export interface UnitParts {
  readonly user: string;
  readonly group: string;
  readonly program: Program;
}

/** The package's unit, adapted to this machine. */
export function serviceUnit({ user, group, program }: UnitParts): string {
  const command = [...program, 'start', '--set-up', '--config', systemConfig].map(unitWord).join(' ');
  return shippedUnit()
    .replace(/^User=.*$/m, () => `User=${user}`)
    .replace(/^Group=.*$/m, () => `Group=${group}`)
    .replace(/^ExecStart=.*$/m, () => `ExecStart=${command}`);
}

/** One word of a command line: systemd.service(5), "Command lines". */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s"'\\;]/.test(escaped) ? `"${escaped.replace(/["\\]/g, '\\$&')}"` : escaped;
}
