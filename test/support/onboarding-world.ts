import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';
import { createTransport } from 'nodemailer';
import { expect } from 'vitest';
import { afterTest, type Microsoft365, microsoft365 } from '../simulator/harness.ts';
import { type Exit, Mailbridge, type MailbridgeOptions } from './process.ts';
import { until } from './relay.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const reports = 'reports@contoso.example';
export const alice = 'alice@contoso.example';
export const bob = 'bob@contoso.example';

/** A finished command. */
export interface Ran extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine where `mailbridge` was just installed, and a tenant that knows nothing of it. */
export interface OnboardingWorld {
  readonly m365: Microsoft365;
  readonly folder: string;
  /** The user that runs the commands from now on; undefined: the user that runs the tests. */
  user: MailbridgeOptions['user'];
  /** Everything that the commands have printed so far. */
  printed(): string;
  /** Starts a command in the folder, as a person does in a terminal. */
  begin(...args: string[]): Mailbridge;
  /** Runs a command to its end. @param meanwhile what another person does while the command waits */
  run(args: readonly string[], meanwhile?: (running: Mailbridge) => Promise<void>): Promise<Ran>;
  /** Runs a command that must succeed. */
  succeed(args: readonly string[], meanwhile?: (running: Mailbridge) => Promise<void>): Promise<Ran>;
  /** `mailbridge start`, once it is ready. */
  start(): Promise<Mailbridge>;
  changeConfig(change: (config: WrittenConfig) => WrittenConfig): void;
}

interface WrittenConfig {
  readonly listeners: readonly object[];
  readonly [key: string]: unknown;
}

/** @see OnboardingWorld */
export async function onboardingWorld(): Promise<OnboardingWorld> {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
  // Without the simulator's own registration: everything starts from nothing.
  m365.tenant.apps.delete(m365.clientId.toLowerCase());
  const folder = temporaryFolder();
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  writeFileSync(join(folder, 'cloud.json'), JSON.stringify({ authority, graph, imap, pop3, smtp, caFile }));
  const processes: Mailbridge[] = [];
  afterTest(async () => {
    await Promise.all(processes.map((each) => each.kill()));
  });
  const begin = (...args: string[]) => {
    const running = Mailbridge.run(args, { cwd: folder, user: world.user });
    processes.push(running);
    return running;
  };
  const run: OnboardingWorld['run'] = async (args, meanwhile) => {
    const running = begin(...args);
    await meanwhile?.(running);
    const exit = await running.exit();
    return { ...exit, stdout: running.stdout, stderr: running.stderr };
  };
  const world: OnboardingWorld = {
    m365,
    folder,
    user: undefined,
    begin,
    run,
    printed: () => processes.map(({ stdout, stderr }) => `${stdout}\n${stderr}\n`).join(''),
    async succeed(args, meanwhile) {
      const ran = await run(args, meanwhile);
      expect(ran.code, `mailbridge ${args.join(' ')}\n${ran.stdout}${ran.stderr}`).toBe(0);
      return ran;
    },
    async start() {
      const bridge = begin('start');
      await bridge.line(({ msg }) => msg.startsWith('ready: '), 'the ready line');
      return bridge;
    },
    changeConfig(change) {
      const file = join(folder, 'config.json');
      const config = change(JSON.parse(readFileSync(file, 'utf8')) as WrittenConfig);
      writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
    },
  };
  return world;
}

/** `mailbridge init` with its answers given as options. @returns the programs' credentials */
export async function init(
  world: OnboardingWorld,
  answers: Readonly<Record<string, string>>,
): Promise<{ readonly username: string; readonly password: string }> {
  const options = Object.entries({
    tenant: world.m365.tenantDomain,
    name: 'contoso',
    username: 'scanner',
    cloud: 'cloud.json',
    ...answers,
  }).flatMap(([name, value]) => [`--${name}`, value]);
  const { stdout } = await world.succeed(['init', '--yes', '--json', ...options]);
  // Another test may take the ports that init found free before the bridge starts.
  world.changeConfig((config) => ({
    ...config,
    listeners: config.listeners.map((each) => ({ ...each, port: 0 })),
    admin: { port: 0 },
  }));
  return JSON.parse(stdout) as { username: string; password: string };
}

/** The device code that a command prints. */
export async function shownCode(running: Mailbridge): Promise<string> {
  const pattern = /enter the code\s+([A-Z\d]{9})/;
  await running.text(pattern, 'a device code');
  return pattern.exec(running.stdout)?.[1] ?? '';
}

/** As an Exchange administrator, runs the script that `mailbridge exchange-script` prints. */
export async function runExchangeScript(world: OnboardingWorld, ...args: string[]): Promise<void> {
  const { stdout: script } = await world.succeed(['exchange-script', ...args]);
  const answer = await world.m365.get(`${world.m365.endpoints.control}/exchange-powershell`, {
    method: 'POST',
    body: script,
  });
  expect(answer.status, `${await answer.text()}\n${script}`).toBe(200);
}

/** Sends a message to the mailbox itself over SMTP, and reads it back over IMAP and POP3. */
export async function mailFlows(
  world: OnboardingWorld,
  bridge: Mailbridge,
  login: { readonly username: string; readonly password: string },
  mailbox: string,
): Promise<void> {
  const host = '127.0.0.1';
  const [smtp, imap, pop3] = [bridge.port(0), bridge.port(1), bridge.port(2)];
  const ca = readFileSync(authorityFile(bridge), 'utf8');
  const auth = { user: login.username, pass: login.password };
  const subject = `through ${smtp}, ${world.m365.transport.journal.count}`;
  const transport = createTransport({ host, port: smtp, requireTLS: true, tls: { ca }, auth });
  await transport.sendMail({ from: mailbox, to: mailbox, subject, text: 'Hello.\n' });
  transport.close();

  const client = new ImapFlow({ host, port: imap, secure: false, doSTARTTLS: true, tls: { ca }, auth, logger: false });
  await client.connect();
  await client.mailboxOpen('INBOX');
  await until(`"${subject}" by IMAP`, async () => {
    await client.noop();
    // In an empty mailbox `1:*` names nothing, which is an error.
    if (!client.mailbox || client.mailbox.exists === 0) return undefined;
    for await (const { envelope } of client.fetch('1:*', { envelope: true })) {
      if (envelope?.subject === subject) return true;
    }
    return undefined;
  });
  await client.logout();

  // This client does not support STLS; on loopback a password may be sent in the clear.
  const reader = new Pop3Command({ user: login.username, password: login.password, host, port: pop3 });
  const listed = (await reader.UIDL()) as string[][];
  const last = await reader.RETR(Number(listed.at(-1)?.[0]));
  await reader.QUIT();
  expect(last).toContain(subject);
}

function authorityFile(bridge: Mailbridge): string {
  return String(bridge.lines.find(({ file, msg }) => file !== undefined && /have to trust/.test(msg))?.file);
}

/** Every file in and below a folder, with its mode. */
export function filesBelow(folder: string): { readonly path: string; readonly mode: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, mode: statSync(path).mode & 0o777 }));
}
