import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogTail } from '../../src/admin/api/log/log-tail.ts';
import { type Bridge, startBridge } from '../../src/app/bridge.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { JournalEntry } from '../../src/simulator/delivery/journal.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';

/** The mailbox that the bridge's accounts send as. */
export const reports = 'reports@contoso.com';
export const alice = 'alice@contoso.com';
export const bob = 'bob@contoso.com';

/** The password of every test account. */
export const password = 'open, sesame';

/** The couriers; an account is named after each. */
export const couriers = ['graph', 'smtp'] as const;
export type CourierName = (typeof couriers)[number];

/** Local addresses that are the network of each courier's account. */
export const networks: Readonly<Record<CourierName, string>> = { graph: '127.0.0.2', smtp: '127.0.0.3' };

/** Microsoft 365 with the mailboxes of contoso.com. */
export function startContoso(options: SimulatorOptions = {}): Promise<Simulator> {
  return startSimulator({ mailboxes: [reports, alice, bob], ...options });
}

/** Every bridge test can also run with workers: `TEST_WORKERS=2 npx vitest run test/e2e/read-clients.test.ts`. */
const testWorkers = Number(process.env.TEST_WORKERS ?? 1);

/** A configuration for a simulator: an account for each courier, one STARTTLS listener; `changes` replace whole keys. */
export function contosoConfig(simulator: Simulator, changes: Partial<ConfigInput> = {}): ConfigInput {
  const { authority, graph, imap, pop3, smtp, caFile } = simulator.endpoints;
  return {
    hostname: 'bridge.test',
    workers: testWorkers,
    log: { level: 'info', format: 'json' },
    listeners: [{ protocol: 'smtp', port: 0, security: 'starttls' }],
    connections: {
      contoso: {
        tenantId: simulator.tenantId,
        clientId: simulator.clientId,
        grant: 'client-credentials',
        clientSecret: simulator.clientSecret,
        cloud: { authority, graph, imap, pop3, smtp, caFile },
      },
    },
    accounts: couriers.map((send) => contosoAccount(send)),
    // More than any test sends: rates are tested elsewhere.
    limits: { messagesPerMinute: 10_000, recipientsPerDay: 1_000_000 },
    shutdown: { graceSeconds: 5 },
    ...changes,
  };
}

/** An account that sends through a courier and is named after it. */
export function contosoAccount(send: CourierName, changes: Partial<ConfigInput['accounts'][number]> = {}) {
  return { username: send, password, connection: 'contoso', mailbox: reports, send, ...changes };
}

/** A folder with a configuration file, until {@link RelayFolder.remove}. */
export interface RelayFolder {
  readonly path: string;
  readonly configFile: string;
  /** Rewrites the configuration file. */
  configure(config: ConfigInput): Promise<void>;
  remove(): Promise<void>;
}

export async function relayFolder(config?: ConfigInput): Promise<RelayFolder> {
  const path = await mkdtemp(join(tmpdir(), 'mailbridge-e2e-'));
  const configFile = join(path, 'config.json');
  const configure = (changed: ConfigInput) => writeFile(configFile, JSON.stringify(changed, null, 2), { mode: 0o600 });
  if (config) await configure(config);
  return { path, configFile, configure, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A simulator and a bridge in front of it, both in this process. */
export interface Relay {
  readonly simulator: Simulator;
  readonly bridge: Bridge;
  readonly folder: RelayFolder;
  /** The port of the listener at an index of the configuration. */
  port(index?: number): number;
  close(): Promise<void>;
}

export async function startRelay(changes: Partial<ConfigInput> = {}, options: SimulatorOptions = {}): Promise<Relay> {
  const simulator = await startContoso(options);
  return await relayFrom(simulator, contosoConfig(simulator, changes));
}

/** A bridge in front of a running simulator. */
export async function relayFrom(
  simulator: Simulator,
  whole: ConfigInput,
  log: Log = silentLog,
  logTail?: LogTail,
): Promise<Relay> {
  const folder = await relayFolder(whole);
  const { config } = await loadConfig(folder.configFile, { env: {} });
  const bridge = await startBridge(config, { log, ...(logTail && { logTail }) });
  return {
    simulator,
    bridge,
    folder,
    port(index = 0) {
      const listener = bridge.listeners[index];
      if (!listener) throw new Error(`there is no listener ${index}`);
      return listener.port;
    },
    async close() {
      await bridge.stop();
      await simulator.close();
      await folder.remove();
    },
  };
}

/** Waits until `look` returns something; the time limit only ends a failed test, it measures nothing. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 25_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The submissions with a Message-ID that Microsoft has accepted. */
export function submissions(simulator: Simulator, messageId: string): readonly JournalEntry[] {
  return simulator.transport.journal.entries().filter((entry) => entry.messageId === messageId);
}

/** A message in a folder, once it has arrived, unchanged. */
export function arrived(simulator: Simulator, mailbox: string, folder: string, mark: string): Promise<Buffer> {
  return until(`${mark} in ${folder} of ${mailbox}`, () => {
    const messages = simulator.directory.messages(mailbox, folder);
    return messages.find(({ content }) => content.includes(mark))?.content;
  });
}

/** The part after the header. */
export function bodyOf(message: Buffer): Buffer {
  const end = message.indexOf('\r\n\r\n');
  return end < 0 ? Buffer.alloc(0) : message.subarray(end + 4);
}
