import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { type FileOwner, isRoot } from '../../base/files/ownership.ts';

/** How a program ended. */
export interface Ran {
  /** 127 if there is no such program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine that a service is installed on; tests pass their own. */
export interface Machine {
  readonly isRoot: boolean;
  /** Whether systemd runs the services here: sd_booted(3). */
  readonly runsSystemd: boolean;
  /** The actual location of a path on the machine. */
  path(absolute: string): string;
  run(program: string, args: readonly string[]): Ran;
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return {
    isRoot: isRoot(),
    runsSystemd: existsSync('/run/systemd/system'),
    path: (absolute) => absolute,
    run(program, args) {
      const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
      if (error) return { code: 127, stdout: '', stderr: `${program}: ${systemErrorCode(error) ?? error.message}` };
      return { code: status ?? 1, stdout, stderr };
    },
  };
}

/** Runs a program that has to succeed. @throws BridgeError `service-step-failed` */
export function mustRun(machine: Machine, program: string, args: readonly string[]): string {
  const { code, stdout, stderr } = machine.run(program, args);
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
  throw new BridgeError('service-step-failed', `${[program, ...args].join(' ')} failed (${code}): ${said}`);
}

/** User and primary group by name, as known to the whole machine; undefined if there is no such user. */
export function findUser(machine: Machine, name: string): (FileOwner & { readonly group: string }) | undefined {
  const [, , uid, gid] = machine.run('getent', ['passwd', name]).stdout.trim().split(':');
  if (uid === undefined || gid === undefined) return undefined;
  const [group = gid] = machine.run('getent', ['group', gid]).stdout.trim().split(':');
  return { uid: Number(uid), gid: Number(gid), group: group || gid };
}
