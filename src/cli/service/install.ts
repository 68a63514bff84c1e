import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readLooseConfig } from '../../app/set-up/loose-config.ts';
import { BridgeError } from '../../base/errors.ts';
import { readPrivateFile } from '../../base/files/private-file.ts';
import { systemConfig, systemDataDir, systemTokenKey } from '../../base/system/system-paths.ts';
import { writeWholeFile } from '../../onboarding/whole-file.ts';
import { belongsAll, settleAccess, settleFolder } from './files.ts';
import { findUser, type Machine, mustRun } from './machine.ts';
import type { Program } from './program.ts';
import { installSendmail } from './sendmail.ts';
import { serviceUnit, unitPath } from './unit.ts';

/** What is to be installed. */
export interface WantedService {
  readonly user: string;
  readonly program: Program;
}

type ServiceUser = NonNullable<ReturnType<typeof findUser>>;

/**
 * Creates whatever is missing of user, folders, key and unit of the service, and starts it if there is a configuration.
 * It can be interrupted anywhere and repeated.
 * @param tell called for each thing done; what is left undone begins with `! `
 * @throws BridgeError `usage`, `service-step-failed`, `file-not-written`
 */
export async function installService(
  machine: Machine,
  wanted: WantedService,
  tell: (line: string) => void,
): Promise<void> {
  await assertDataDir(machine);
  const user = settleUser(machine, wanted.user, tell);
  settleFolders(machine, user, tell);
  await settleKey(machine, user, tell);
  settleConfig(machine, user, tell);
  const isNewUnit = await settleUnit(machine, { ...wanted, group: user.group }, tell);
  startUnit(machine, isNewUnit, tell);
  for (const line of await installSendmail(machine, wanted.program)) tell(line);
}

/** The sandbox lets the service write to only one folder. @throws BridgeError `usage` */
async function assertDataDir(machine: Machine): Promise<void> {
  const config = await readLooseConfig(machine.path(systemConfig), {});
  if (!config.exists || config.dataDir === systemDataDir) return;
  throw new BridgeError(
    'usage',
    `${systemConfig} has the dataDir ${config.dataDir}; the service has ${systemDataDir}.`,
    {
      remedy: `Move what is in that folder to ${systemDataDir}, set "dataDir": "${systemDataDir}", and run the command again.`,
    },
  );
}

function settleUser(machine: Machine, name: string, tell: (line: string) => void): ServiceUser {
  const present = findUser(machine, name);
  if (present) return present;
  const options = ['--system', '--user-group', '--home-dir', systemDataDir, '--no-create-home'];
  mustRun(machine, 'useradd', [...options, '--shell', '/usr/sbin/nologin', name]);
  tell(`made the user ${name}`);
  const made = findUser(machine, name);
  if (made) return made;
  throw new BridgeError('service-step-failed', `useradd made the user ${name}, but it does not exist.`);
}

function settleFolders(machine: Machine, { uid, gid }: ServiceUser, tell: (line: string) => void): void {
  const data = machine.path(systemDataDir);
  const done = [
    settleFolder(machine.path(dirname(systemConfig)), dirname(systemConfig), { uid: 0, gid, mode: 0o770 }),
    settleFolder(data, systemDataDir, { uid, gid, mode: 0o700 }),
  ];
  for (const line of done) if (line !== undefined) tell(line);
  if (belongsAll(data, uid)) return;
  mustRun(machine, 'chown', ['-R', '--no-dereference', `${uid}:${gid}`, data]);
  tell(`gave everything in ${systemDataDir} to the user of the service`);
}

/** With a different key, everybody would have to sign in again. */
async function settleKey(machine: Machine, { gid }: ServiceUser, tell: (line: string) => void): Promise<void> {
  const file = machine.path(systemTokenKey);
  const access = { uid: 0, gid, mode: 0o640 };
  if (existsSync(file)) {
    if (settleAccess(file, access)) tell(`set owner and mode of ${systemTokenKey} (mode 0640)`);
    return;
  }
  const earlier = join(machine.path(systemDataDir), 'token.key');
  const kept = await readPrivateFile(earlier, 4096);
  const key = kept?.content.toString('latin1') ?? `${randomBytes(32).toString('base64')}\n`;
  await writeWholeFile(file, key, access.mode, access);
  if (kept) rmSync(earlier);
  tell(kept ? `moved the key of the sign-ins to ${systemTokenKey}` : `made ${systemTokenKey}, the key of the sign-ins`);
}

/** The content stays as it is; the service has to be able to read it. */
function settleConfig(machine: Machine, { uid, gid }: ServiceUser, tell: (line: string) => void): void {
  const file = machine.path(systemConfig);
  const facts = lstatSync(file, { throwIfNoEntry: false });
  if (!facts?.isFile()) return;
  const isReadable =
    (facts.uid === uid && (facts.mode & 0o400) !== 0) || (facts.gid === gid && (facts.mode & 0o040) !== 0);
  if (isReadable) return;
  settleAccess(file, { uid: 0, gid, mode: 0o640 });
  tell(`let the service read ${systemConfig} (mode 0640)`);
}

/** @returns whether it has changed */
async function settleUnit(
  machine: Machine,
  parts: WantedService & { readonly group: string },
  tell: (line: string) => void,
): Promise<boolean> {
  const file = machine.path(unitPath);
  const text = serviceUnit(parts);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false;
  await writeWholeFile(file, text, 0o644);
  tell(`wrote ${unitPath}`);
  return true;
}

function startUnit(machine: Machine, isNewUnit: boolean, tell: (line: string) => void): void {
  const hasConfig = existsSync(machine.path(systemConfig));
  if (!machine.runsSystemd) {
    tell(
      '! systemd does not run on this machine: the unit is not enabled and not started. Where it does: systemctl daemon-reload && systemctl enable --now mailbridge',
    );
    return;
  }
  if (isNewUnit) mustRun(machine, 'systemctl', ['daemon-reload']);
  if (machine.run('systemctl', ['is-enabled', '--quiet', 'mailbridge']).code !== 0) {
    mustRun(machine, 'systemctl', ['enable', 'mailbridge']);
    tell('enabled mailbridge: it starts with the machine');
  }
  if (!hasConfig) return;
  const isActive = machine.run('systemctl', ['is-active', '--quiet', 'mailbridge']).code === 0;
  if (isActive && !isNewUnit) return;
  mustRun(machine, 'systemctl', ['restart', 'mailbridge']);
  tell(`${isActive ? 'restarted' : 'started'} mailbridge; its log: journalctl -u mailbridge -o cat`);
}
