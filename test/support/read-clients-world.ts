import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bridge, startBridge } from '../../src/app/bridge.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import type { ReadLogin } from './read-clients.ts';
import { alice, bob, contosoConfig, relayFolder, startContoso } from './relay.ts';

/** The contents of alice's INBOX at Microsoft or its substitute. */
export interface UpstreamInbox {
  deliver(content: string): Promise<void>;
  /** In order of arrival; octets as latin1. */
  messages(): Promise<readonly { readonly content: string; readonly flags: readonly string[] }[]>;
  clear(): Promise<void>;
}

/** An upstream, and a bridge in front of it. */
export interface ReadWorld {
  readonly simulator: Simulator;
  readonly bridge: Bridge;
  readonly inbox: UpstreamInbox;
  /** For the files of the clients. */
  readonly folder: string;
  /** The login for alice's mailbox. */
  login(route: Route, security: ReadLogin['security'], passwords?: 'any' | 'ascii'): ReadLogin;
  close(): Promise<void>;
}

/** The client's protocol, and the one over which the bridge reads the mailbox. */
export interface Route {
  readonly name: string;
  readonly protocol: 'imap' | 'pop3';
  readonly read: 'imap' | 'pop3' | 'graph';
}

export const exchangeRoutes = [
  { name: 'IMAP, passed through', protocol: 'imap', read: 'imap' },
  { name: 'POP3, passed through', protocol: 'pop3', read: 'pop3' },
  { name: 'POP3, translated over IMAP', protocol: 'pop3', read: 'imap' },
] as const satisfies readonly Route[];

export const graphRoutes = [
  { name: 'IMAP by Graph', protocol: 'imap', read: 'graph' },
  { name: 'POP3 by Graph', protocol: 'pop3', read: 'graph' },
] as const satisfies readonly Route[];

/** Quotes, a backslash, a space and non-ASCII characters; and one for programs limited to ASCII. */
const passwords = { any: 'pä"ss\\w ord', ascii: 'open, sesame' } as const;

const doors = (['imap', 'pop3'] as const).flatMap((protocol) =>
  (['starttls', 'tls'] as const).map((security) => ({ protocol, security })),
);

/** The bridge in front of the simulator. */
export async function startWithSimulator(): Promise<ReadWorld> {
  const simulator = await startContoso();
  return await startWorld(simulator, simulatorInbox(simulator), readConfig(simulator, {}), async () => {});
}

/** The bridge in front of a Dovecot that has the simulator check the tokens: only alice's are valid. */
export async function startWithDovecot(): Promise<ReadWorld & Pick<Dovecot, 'log'>> {
  const simulator = await startContoso();
  const introspectionCa = await readFile(simulator.endpoints.caFile, 'utf8');
  const introspectionUrl = `${simulator.endpoints.authority}/introspect?username=${alice}`;
  const dovecot = await startDovecot({ introspectionUrl, introspectionCa });
  const caFile = join(dovecot.folder, 'both.crt');
  await writeFile(caFile, introspectionCa + dovecot.ca);
  const host = '127.0.0.1';
  const cloud = {
    imap: { host, port: dovecot.imapPort, security: 'tls' },
    pop3: { host, port: dovecot.pop3Port, security: 'starttls' },
    caFile,
  } as const;
  const inbox: UpstreamInbox = {
    deliver: (content) => dovecot.maildir.deliver(content),
    messages: () => dovecot.maildir.messages(),
    clear: () => dovecot.clear(),
  };
  // The same tests with the simulator run without workers.
  const config = { ...readConfig(simulator, cloud), workers: 2 };
  const world = await startWorld(simulator, inbox, config, () => dovecot.stop());
  return { ...world, log: dovecot.log };
}

async function startWorld(
  simulator: Simulator,
  inbox: UpstreamInbox,
  wanted: ConfigInput,
  stopUpstream: () => Promise<void>,
): Promise<ReadWorld> {
  const folder = await relayFolder(wanted);
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const bridge = await startBridge(config, { log: silentLog });
  return {
    ...{ simulator, bridge, inbox, folder: folder.path },
    login({ protocol, read }, security, kind = 'any') {
      const at = doors.findIndex((door) => door.protocol === protocol && door.security === security);
      return {
        ...{ protocol, security, port: bridge.listeners[at]?.port ?? 0 },
        username: usernameOf(read, kind),
        password: passwords[kind],
        authorityFile: bridge.authorityFile ?? '',
      };
    },
    async close() {
      await bridge.stop();
      await stopUpstream();
      await simulator.close();
      await folder.remove();
    },
  };
}

function usernameOf(read: Route['read'], passwordKind: keyof typeof passwords): string {
  return `${passwordKind}-${read}`;
}

function readConfig(simulator: Simulator, cloud: object): ConfigInput {
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  const common = { connection: 'contoso', mailbox: alice };
  return {
    ...contosoConfig(simulator),
    limits: { graphPollSeconds: 5 },
    listeners: doors.map((door) => ({ ...door, port: 0 })),
    connections: {
      contoso: {
        tenantId: simulator.tenantId,
        clientId: simulator.clientId,
        grant: 'client-credentials',
        clientSecret: simulator.clientSecret,
        cloud: { authority, graph, imap, pop3, smtp, caFile, ...cloud },
      },
    },
    accounts: (['imap', 'pop3', 'graph'] as const).flatMap((read) => [
      { ...common, read, username: usernameOf(read, 'any'), password: passwords.any },
      { ...common, read, username: usernameOf(read, 'ascii'), password: passwords.ascii },
      { ...common, read, username: `bob-${read}`, password: passwords.any, mailbox: bob },
    ]),
  };
}

function simulatorInbox({ directory }: Simulator): UpstreamInbox {
  return {
    async deliver(content) {
      directory.deliver(alice, 'INBOX', Buffer.from(content, 'latin1'));
    },
    messages: async () =>
      directory.messages(alice, 'INBOX').map(({ content, flags }) => ({ content: content.toString('latin1'), flags })),
    async clear() {
      const store = directory.openStore(alice);
      const inbox = await store.open('INBOX', { readOnly: false });
      await inbox.remove(directory.messages(alice, 'INBOX').map(({ uid }) => uid));
      await store.close();
    },
  };
}
