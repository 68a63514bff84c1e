import { existsSync } from 'node:fs';
import { BridgeError } from '../../base/errors.ts';
import { systemConfig, systemDataDir, systemTokenKey } from '../../base/system/system-paths.ts';
import { readArguments } from '../arguments.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { installService } from './install.ts';
import { findUser, type Machine, thisMachine } from './machine.ts';
import { assertServiceMayRun, thisProgram } from './program.ts';
import { uninstallService, whatStays } from './uninstall.ts';
import { serviceUnit, unitPath } from './unit.ts';

const installUsage = `Usage: mailbridge install-service [--user NAME] [--print]

Makes mailbridge a service of this machine: a user, /etc/mailbridge and /var/lib/mailbridge, the key of the sign-ins, a
sandboxed systemd unit, enabled and, once there is a configuration, started; and /usr/sbin/sendmail, if no other mail
program has it. It reports each step. Run again, it does the missing steps; a configuration is not changed.

  --user NAME  the user that the service runs as (default: mailbridge); created if missing
  --print      prints the unit, and on standard error what would be done; changes nothing

Example: sudo mailbridge install-service
`;

const uninstallUsage = `Usage: mailbridge uninstall-service [--print]

Stops the service, and removes its unit and its /usr/sbin/sendmail. Configuration, keys, queue and user stay.

  --print      prints what would be done; changes nothing

Example: sudo mailbridge uninstall-service --print
`;

const options = {
  user: { type: 'string', default: 'mailbridge' },
  print: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `mailbridge install-service`. @param program that the service is to run */
export async function runInstallService(
  args: string[],
  io: CliIo,
  machine = thisMachine(),
  program = thisProgram(),
): Promise<number> {
  const { values } = readArguments('install-service', { args, options });
  if (values.help) return showHelp(io, installUsage);
  const wanted = { user: userOption(values.user), program };
  if (values.print) {
    const group = findUser(machine, wanted.user)?.group ?? wanted.user;
    io.stderr.write(planned(wanted.user));
    return print(io, serviceUnit({ ...wanted, group }));
  }
  assertRoot(machine, 'install-service');
  assertServiceMayRun(wanted.program);
  const screen = new Screen(io.stdout, io.env);
  let count = 0;
  await installService(machine, wanted, (line) => {
    // Lines about something left undone carry their own mark.
    const isDone = !line.startsWith('! ');
    if (isDone) count += 1;
    screen.say(line, isDone ? { mark: 'ok' } : {});
  });
  if (count === 0) io.stdout.write('Nothing was missing; nothing was changed.\n');
  if (!existsSync(machine.path(systemConfig))) io.stdout.write(nextSteps);
  return 0;
}

/** `mailbridge uninstall-service` */
export async function runUninstallService(args: string[], io: CliIo, machine = thisMachine()): Promise<number> {
  const { print: isPlan, help } = options;
  const { values } = readArguments('uninstall-service', { args, options: { print: isPlan, help } });
  if (values.help) return showHelp(io, uninstallUsage);
  if (values.print) {
    return print(io, `Would stop and disable mailbridge, remove ${unitPath} and its sendmail.\n${whatStays}`);
  }
  assertRoot(machine, 'uninstall-service');
  const screen = new Screen(io.stdout, io.env);
  let count = 0;
  uninstallService(machine, (line) => {
    count += 1;
    screen.say(line, { mark: 'ok' });
  });
  return print(io, count === 0 ? 'There is no mailbridge service on this machine.\n' : whatStays);
}

const nextSteps = `
There is no configuration yet. Next:
  sudo mailbridge init            writes ${systemConfig}; it names the commands in between
  sudo systemctl start mailbridge
`;

function planned(user: string): string {
  return `mailbridge install-service would make, where they are missing:
  the user ${user}
  /etc/mailbridge      root:${user}, mode 0770
  ${systemDataDir}  ${user}:${user}, mode 0700
  ${systemTokenKey}, root:${user}, mode 0640
  ${unitPath}, as on standard output; enabled, and started once there is a configuration
  /usr/sbin/sendmail, where no other mail program has it
`;
}

/** A user name as accepted by useradd(8). */
function userOption(name: string): string {
  if (/^[a-z_][a-z0-9_-]{0,31}$/.test(name) && name !== 'root') return name;
  throw new BridgeError('usage', `--user needs the name of a user that is not root, not "${name}".`, {
    remedy: 'Use lower-case letters, digits, "_" and "-", at most 32.',
  });
}

/** @throws BridgeError `usage` */
function assertRoot({ isRoot }: Machine, command: string): void {
  if (process.platform !== 'linux') {
    throw new BridgeError('usage', `"${command}" is for Linux with systemd.`, {
      remedy: 'mailbridge help operations says how to run it elsewhere.',
    });
  }
  if (!isRoot) {
    throw new BridgeError('usage', `Only root may ${command.replace('-', ' a ')}.`, {
      remedy: `Run: sudo mailbridge ${command}. With --print it only shows what it would do, and does not need root.`,
    });
  }
}

function print(io: CliIo, text: string): number {
  io.stdout.write(text);
  return 0;
}
