import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runCommand } from '../../../src/cli/commands.ts';
import { behindShortAddress, FormBrowser, signIn, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { type Microsoft365, microsoft365 } from '../../simulator/harness.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** What a command wrote and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a configuration, a simulated Microsoft 365, and an administrator at the terminal. */
export interface RegistrationWorld {
  readonly m365: Microsoft365;
  readonly folder: string;
  readonly configFile: string;
  /** Runs a mailbridge command; the administrator enters every device code shown. */
  run(...args: string[]): Promise<Ran>;
  readConfig(): WrittenConfig;
  writeConfig(config: WrittenConfig): void;
}

interface WrittenConfig {
  readonly connections: Record<string, Record<string, unknown>>;
}

interface WorldOptions {
  /** `connections.contoso` beside `cloud`; undefined: there is none. */
  readonly connection?: Record<string, unknown>;
  readonly accounts?: readonly Record<string, unknown>[];
  /** The user who signs in. */
  readonly administrator?: string;
  /** Commands write to a terminal. */
  readonly terminal?: boolean;
  /** Called with each piece that the command writes. */
  onOutput?(text: string, world: RegistrationWorld): void;
}

export const account = {
  username: 'scanner',
  password: 'local-password',
  connection: 'contoso',
  mailbox: 'reports@contoso.example',
};

/** @see RegistrationWorld */
export async function registrationWorld(options: WorldOptions = {}): Promise<RegistrationWorld> {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.01;
  const folder = temporaryFolder();
  const configFile = join(folder, 'config.json');
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  const cloud = { authority, graph, imap, pop3, smtp, caFile };
  const config = {
    listeners: [{ protocol: 'smtp', host: '127.0.0.1', port: 2525 }],
    connections: { contoso: { ...options.connection, cloud } },
    accounts: options.accounts ?? [{ ...account, send: 'smtp', read: 'imap' }],
  };
  writeFileSync(configFile, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  const administrator = options.administrator ?? `admin@${m365.tenantDomain}`;
  const world: RegistrationWorld = {
    m365,
    folder,
    configFile,
    writeConfig: (changed) => writeFileSync(configFile, JSON.stringify(changed, null, 2)),
    readConfig: () => JSON.parse(readFileSync(configFile, 'utf8')),
    run: (...args) => runWatched(world, args, administrator, options),
  };
  return world;
}

async function runWatched(
  world: RegistrationWorld,
  args: readonly string[],
  administrator: string,
  { onOutput, terminal: isTTY = false }: WorldOptions,
): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const signIns: Promise<unknown>[] = [];
  const command = args.includes('--config') ? [...args] : [...args, '--config', world.configFile];
  const output = commandOutput(command);
  const stream = (name: 'stdout' | 'stderr') =>
    Object.assign(output[name], { isTTY }).on('data', (chunk: Buffer) => {
      written[name] += chunk;
      onOutput?.(String(chunk), world);
      const code = /enter the code\s+(\S+)/.exec(String(chunk))?.[1];
      if (code) signIns.push(signInAtDevicePage(world.m365, code, administrator, new FormBrowser(world.m365)));
      const link = /http:\/\/localhost:\d+\/\w+/.exec(String(chunk))?.[0];
      if (link) signIns.push(signInInBrowser(world.m365, link, administrator));
    });
  const io = { stdin: new PassThrough().end(), stdout: stream('stdout'), stderr: stream('stderr'), env: {} };
  const code = await runCommand(command, io);
  await Promise.all(signIns);
  return { code, ...written };
}

/** Signs in at the address shown, accepts, and follows the redirect. */
async function signInInBrowser(m365: Microsoft365, link: string, administrator: string): Promise<void> {
  const browser = new FormBrowser(m365);
  await browser.open(await behindShortAddress(link));
  await signIn(m365, browser, administrator);
  await fetch(await browser.submitAndLeave({ decision: 'accept' }));
}

/** The app registrations with a name. */
export function appsNamed(world: RegistrationWorld, name: string) {
  return [...world.m365.tenant.apps.values()].filter(({ displayName }) => displayName === name);
}

/** The output of a command, with everything that differs from run to run replaced by words. */
export function masked(text: string, { folder, m365 }: RegistrationWorld): string {
  return text
    .replaceAll(folder, 'FOLDER')
    .replaceAll(m365.endpoints.authority, 'https://login')
    .replace(/\b[A-Z2-9]{9}\b/g, 'USERCODE1')
    .replace(/bak-\d{8}T\d{6}Z/g, 'bak-TIME')
    .replace(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(m365.tenantId, 'TENANT')
    .replace(/\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g, 'ID');
}
