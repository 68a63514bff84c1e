import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { startDovecotAuth } from './dovecot-auth.ts';
import { isInstalled, needProgram, runProgram, skipLoudly } from './external.ts';
import { freePorts } from './ports.ts';
import { until } from './relay.ts';

/** A Postfix that accepts mail for `contoso.com` with any XOAUTH2 login, and keeps it. */
export interface Postfix {
  readonly port: number;
  readonly version: string;
  /** Messages delivered so far, without its own trace fields and with LF line ends. */
  messages(): Promise<string[]>;
  /** Waits until it has delivered everything that it accepted. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

/** Whether Postfix is installed and can be run. */
export function isPostfixReady(): boolean {
  return isInstalled('postfix') && process.getuid?.() === 0;
}

/** Skips a test if Postfix is missing or cannot be run. */
export function needPostfix(context: TestContext): void {
  needProgram(context, 'postfix');
  if (process.getuid?.() !== 0) skipLoudly(context, 'Postfix can be run by root alone');
}

/** The user nobody, to whom Postfix delivers. */
const nobody = 65_534;

/**
 * Starts a Postfix with its own configuration, in a folder that is removed with it. It accepts a dot between bare LFs
 * as the end of a message, as Postfix did before version 3.9, so that anything that can be smuggled is.
 */
export async function startPostfix(): Promise<Postfix> {
  const folder = await mkdtemp(join(tmpdir(), 'mailbridge-postfix-'));
  await chmod(folder, 0o755);
  for (const name of ['etc', 'queue', 'data', 'mail']) await mkdir(join(folder, name));
  await chown(join(folder, 'mail'), nobody, nobody);
  const { output: owner } = await runProgram('id', ['-u', 'postfix']);
  await chown(join(folder, 'data'), Number(owner), 0);
  const auth = await startDovecotAuth();
  const port = await freePorts();
  const { output: version } = await runProgram('postconf', ['-d', '-h', 'mail_version']);
  const { output: daemons } = await runProgram('postconf', ['-d', '-h', 'daemon_directory']);
  await writeFile(join(folder, 'etc', 'main.cf'), settings(folder, auth.port));
  await writeFile(join(folder, 'etc', 'master.cf'), services(port));
  const ready = await runProgram('postfix', ['-c', join(folder, 'etc'), 'check']);
  if (ready.code !== 0) throw new Error(await readFile(join(folder, 'log'), 'utf8').catch(() => ready.output));
  const master = spawn(join(daemons.trim(), 'master'), ['-c', join(folder, 'etc'), '-d'], { detached: true });
  await until('Postfix to listen', () => canConnect(port));
  return {
    ...{ port, version: version.trim() },
    messages: () => delivered(join(folder, 'mail', 'all', 'new')),
    settled: () => until('Postfix to deliver', () => isEmpty(join(folder, 'queue'))).then(() => {}),
    async stop() {
      await end(master);
      await auth.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function settings(folder: string, authPort: number): string {
  return `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
myhostname = postfix.test
mydestination =
mynetworks =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = contoso.com
virtual_mailbox_base = ${folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:${nobody}
virtual_gid_maps = static:${nobody}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${authPort}
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_forbid_bare_newline = no
cleanup_replace_stray_cr_lf = no
`;
}

function services(port: number): string {
  return `
127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => resolve(true)).once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
    socket.once('close', () => resolve(false));
  });
}

async function delivered(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const messages = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
  // Return-Path, X-Original-To, Delivered-To and its own Received field come first.
  return messages.map((message) =>
    message.replace(/^(?:(?:Return-Path|X-Original-To|Delivered-To): .*\n)*Received: .*\n(?:[ \t].*\n)*/, ''),
  );
}

async function isEmpty(queue: string): Promise<boolean> {
  const folders = ['maildrop', 'incoming', 'active', 'deferred'].map((name) => readdir(join(queue, name)));
  return (await Promise.all(folders)).every((names) => names.length === 0);
}

async function end(master: ChildProcess): Promise<void> {
  const exited = master.exitCode === null ? once(master, 'exit') : undefined;
  master.kill('SIGTERM');
  await exited;
  try {
    process.kill(-(master.pid ?? Number.NaN), 'SIGKILL');
  } catch {
    // No process was left.
  }
}
