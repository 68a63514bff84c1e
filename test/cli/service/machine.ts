import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../../src/cli/service/machine.ts';
import { serviceUser } from '../../support/service-user.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A machine in a folder: its files are real, its users and services are not. */
export interface FakeMachine extends Machine {
  /** Programs run so far that change something. */
  readonly ran: string[];
  isActive: boolean;
  isEnabled: boolean;
}

const done = { code: 0, stdout: '', stderr: '' };

/** @see FakeMachine */
export function fakeMachine(
  options: { readonly systemd?: boolean; readonly alternatives?: boolean } = {},
): FakeMachine {
  const root = temporaryFolder();
  chmodSync(root, 0o755);
  for (const folder of ['etc/systemd/system', 'var/lib', 'usr/sbin', 'usr/bin', 'usr/local/lib']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  if (options.alternatives) writeFileSync(join(root, 'usr/bin/update-alternatives'), '');
  const users = new Map<string, string>();
  const machine: FakeMachine = {
    isRoot: true,
    runsSystemd: options.systemd ?? true,
    ran: [],
    isActive: false,
    isEnabled: false,
    path: (absolute) => join(root, absolute),
    run(program, args) {
      const line = [program, ...args].join(' ');
      if (program === 'getent') {
        const found = args[0] === 'passwd' ? users.get(args[1] ?? '') : `mailbridge:x:${args[1]}:`;
        return found === undefined ? { ...done, code: 2 } : { ...done, stdout: found };
      }
      if (line.startsWith('systemctl is-')) {
        return { ...done, code: (line.includes('is-active') ? machine.isActive : machine.isEnabled) ? 0 : 3 };
      }
      machine.ran.push(line.replaceAll(root, ''));
      if (program === 'useradd')
        users.set(args.at(-1) ?? '', `${args.at(-1)}:x:${serviceUser.uid}:${serviceUser.gid}::/:`);
      if (program === 'chown') return { ...done, code: spawnSync(program, args).status ?? 1 };
      if (line === 'systemctl enable mailbridge') machine.isEnabled = true;
      if (line === 'systemctl restart mailbridge') machine.isActive = true;
      if (program === 'update-alternatives') return { ...done, code: existsSync(join(root, 'fails')) ? 2 : 0 };
      return done;
    },
  };
  return machine;
}

export const textOf = (machine: Machine, path: string) => readFileSync(machine.path(path), 'utf8');
