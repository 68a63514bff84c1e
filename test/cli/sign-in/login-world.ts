import { EventEmitter, once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runCommand } from '../../../src/cli/commands.ts';
import { behindShortAddress, FormBrowser, signIn, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { type Microsoft365, microsoft365 } from '../../simulator/harness.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

export const alice = 'alice@contoso.example';
export const bob = 'bob@contoso.example';
export const reports = 'reports@contoso.example';

/** A running command. */
export interface Running {
  readonly stdin: PassThrough;
  /** Its output so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Waits until either output matches. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** The device code shown. @param nth from 0 */
  userCode(nth?: number): Promise<string>;
  /** The address of the sign-in page: as shown, or the target of the short address shown. */
  link(): Promise<string>;
  readonly ended: Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

/** A tenant, and a configuration whose connection `contoso` a person signs in to. */
export interface LoginWorld {
  readonly m365: Microsoft365;
  readonly folder: string;
  readonly configFile: string;
  readonly tokenFile: string;
  /** Change it before running a command. */
  readonly connection: Record<string, unknown>;
  readonly accounts: Record<string, unknown>[];
  readonly more: Record<string, unknown>;
  hasSignIn(): boolean;
  /** Starts `mailbridge COMMAND … --config FILE`. */
  start(args: readonly string[], options?: { readonly terminal?: boolean }): Running;
  /** Completes a sign-in by device code. */
  logIn(username: string, ...args: string[]): ReturnType<LoginWorld['start']>['ended'];
}

/** @param accounts each with its differences from an account that reads alice's mailbox */
export async function loginWorld(accounts: readonly Record<string, unknown>[] = [{}]): Promise<LoginWorld> {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.01;
  const folder = temporaryFolder();
  const configFile = join(folder, 'config.json');
  const tokenFile = join(folder, 'data', 'sign-ins', 'contoso.token');
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  const world: LoginWorld = {
    m365,
    folder,
    configFile,
    tokenFile,
    connection: {
      tenantId: m365.tenantId,
      clientId: m365.clientId,
      grant: 'device-code',
      cloud: { authority, graph, imap, pop3, smtp, caFile },
    },
    accounts: accounts.map((account, index) => ({
      username: `user${index}`,
      password: 'local-password',
      connection: 'contoso',
      mailbox: alice,
      ...('send' in account || 'read' in account ? {} : { read: 'imap' }),
      ...account,
    })),
    more: {},
    hasSignIn: () => existsSync(tokenFile),
    start(args, options = {}) {
      const config = {
        listeners: [{ protocol: 'imap', port: 1143 }],
        connections: { contoso: world.connection },
        accounts: world.accounts,
        ...world.more,
      };
      writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
      return startCommand([...args, '--config', configFile], options.terminal ?? false);
    },
    async logIn(username, ...args) {
      const running = world.start(['login', ...args]);
      await signInAtDevicePage(m365, await running.userCode(), username);
      return await running.ended;
    },
  };
  return world;
}

function startCommand(args: string[], isTTY: boolean): Running {
  const written = { out: '', err: '' };
  const changes = new EventEmitter();
  const output = commandOutput(args);
  const stream = (name: 'out' | 'err') =>
    Object.assign(output[`std${name}`], { isTTY }).on('data', (chunk: Buffer) => {
      written[name] += chunk;
      changes.emit('change');
    });
  const stdin = Object.assign(new PassThrough(), { isTTY });
  let hasEnded = false;
  const ended = runCommand(args, { stdin, stdout: stream('out'), stderr: stream('err'), env: {} })
    .then((code) => ({ code, ...written }))
    .finally(() => {
      hasEnded = true;
      changes.emit('change');
    });
  const until = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(written.out) ?? pattern.exec(written.err);
      if (found) return found;
      if (hasEnded) throw new Error(`ended without ${pattern}:\n${written.out}${written.err}`);
      await once(changes, 'change');
    }
  };
  return {
    stdin,
    out: () => written.out,
    err: () => written.err,
    until,
    async userCode(nth = 0) {
      const [, code = ''] = await until(
        new RegExp(`(?:enter\\s+the\\s+code\\s+[A-Z\\d]{9}[^]*){${nth}}enter\\s+the\\s+code\\s+([A-Z\\d]{9})`),
      );
      return code;
    },
    async link() {
      const [shown] = await until(/https:\S+\/authorize\?\S+|http:\/\/localhost:\d+\/\w+/);
      return await behindShortAddress(shown);
    },
    ended,
  };
}

/** Signs in at the address shown, and accepts. @returns where the site sends the browser */
export async function signInAtLink({ m365 }: LoginWorld, link: string, username = alice): Promise<URL> {
  const browser = new FormBrowser(m365);
  await browser.open(link);
  await signIn(m365, browser, username);
  return await browser.submitAndLeave({ decision: 'accept' });
}

/** The content of the sign-in's file on disk. */
export function sealedText({ tokenFile }: LoginWorld): string {
  return readFileSync(tokenFile, 'latin1');
}
