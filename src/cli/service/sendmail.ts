import { chmodSync, existsSync, lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemConfig } from '../../base/system/system-paths.ts';
import { writeWholeFile } from '../../onboarding/whole-file.ts';
import { findServer } from '../sendmail/server.ts';
import { shellWord } from '../terminal/shell-word.ts';
import { type Machine, mustRun } from './machine.ts';
import type { Program } from './program.ts';

/** The program that others run to send mail through the machine's own mail system. */
const sendmailLink = '/usr/sbin/sendmail';
const wrapper = '/usr/local/lib/mailbridge/sendmail';
/** Lower than that of a real mail server: update-alternatives(1). */
const priority = '10';

/**
 * Installs mailbridge as sendmail if no other mail program is.
 * @returns what was done, a line each
 */
export async function installSendmail(machine: Machine, program: Program): Promise<string[]> {
  const script = machine.path(wrapper);
  const known = await knownServer(machine);
  const text = `#!/bin/sh\n# Written by mailbridge install-service.\nexec ${[...program, 'sendmail', ...known].map(shellWord).join(' ')} "$@"\n`;
  const isWritten = !existsSync(script) || readFileSync(script, 'utf8') !== text;
  if (isWritten) await writeWholeFile(script, text, 0o755);
  // Every user of the machine runs it, but folders are created for one user only.
  chmodSync(dirname(script), 0o755);
  const whose =
    known.length > 0
      ? `every user of this machine may send by ${known[1]}, as ${known[3]}`
      : `for those who may read ${systemConfig}; for every user once an account has "networks": ["127.0.0.1"]: then run install-service again`;
  return [...(isWritten ? [`wrote ${wrapper}: ${whose}`] : []), ...link(machine)];
}

function link(machine: Machine): string[] {
  const path = machine.path(sendmailLink);
  const target = linkTarget(path);
  const name = alternativeName(target) ?? 'sendmail';
  const alternative = ['--install', sendmailLink, name, wrapper, priority];
  if (target === undefined && existsOrDangles(path)) return [leftAlone()];
  if (target === wrapper || (target && linkTarget(machine.path(target)) === wrapper)) return [];
  if (target !== undefined && alternativeName(target) === undefined) return [leftAlone(target)];
  if (hasAlternatives(machine)) {
    mustRun(machine, 'update-alternatives', alternative);
    return [`${sendmailLink} has the alternative ${wrapper}; to choose another: update-alternatives --config ${name}`];
  }
  if (target !== undefined) return [leftAlone(target)];
  symlinkSync(wrapper, path);
  return [`linked ${sendmailLink} to ${wrapper}`];
}

/** Undoes {@link installSendmail}. @returns what was done */
export function removeSendmail(machine: Machine): string[] {
  const path = machine.path(sendmailLink);
  const target = linkTarget(path);
  const name = alternativeName(target);
  const done: string[] = [];
  if (name !== undefined && existsSync(machine.path(wrapper))) {
    mustRun(machine, 'update-alternatives', ['--remove', name, wrapper]);
    done.push(`removed the alternative ${wrapper} of ${sendmailLink}`);
  } else if (target === wrapper) {
    rmSync(path);
    done.push(`removed the link ${sendmailLink}`);
  }
  if (!existsSync(machine.path(wrapper))) return done;
  rmSync(dirname(machine.path(wrapper)), { recursive: true });
  return [...done, `removed ${wrapper}`];
}

/** Options for a listener and a mailbox that any user may send through, so that the configuration is not read. */
async function knownServer(machine: Machine): Promise<string[]> {
  const config = machine.path(systemConfig);
  if (!existsSync(config)) return [];
  // Anything wrong with the configuration is reported by its own check.
  const found = await findServer({ config }, {}).catch(() => undefined);
  if (found === undefined || found.login !== undefined || found.tls || found.sender === '') return [];
  return [
    '--server',
    `${found.host.includes(':') ? `[${found.host}]` : found.host}:${found.port}`,
    '--sender',
    found.sender,
  ];
}

function leftAlone(target?: string): string {
  const whose = target === undefined ? '' : ` (${target})`;
  return `! ${sendmailLink} is left alone: it is another mail program's${whose}. To use mailbridge, remove that program and run install-service again`;
}

function hasAlternatives(machine: Machine): boolean {
  return ['/usr/bin/update-alternatives', '/usr/sbin/update-alternatives'].some((each) =>
    existsSync(machine.path(each)),
  );
}

function alternativeName(target: string | undefined): string | undefined {
  return target !== undefined && dirname(target) === '/etc/alternatives' ? basename(target) : undefined;
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

function existsOrDangles(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
