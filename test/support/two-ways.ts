import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Mailbridge } from './process.ts';
import {
  alice,
  type CourierName,
  contosoAccount,
  contosoConfig,
  couriers,
  password,
  relayFolder,
  reports,
  startContoso,
} from './relay.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';

export const other: Readonly<Record<CourierName, CourierName>> = { graph: 'smtp', smtp: 'graph' };

/** A separate bridge, with an account for each order of couriers, in front of Microsoft 365. */
export interface TwoWays {
  readonly simulator: Simulator;
  readonly bridge: Mailbridge;
  /** Runs a command with the bridge's configuration. @returns its standard output */
  run(...args: readonly string[]): Promise<string>;
  isQueueEmpty(): Promise<boolean>;
  /** The couriers through which a message arrived. */
  viaOf(messageId: string): string[];
  /** The accepted messages that did not arrive exactly once. */
  wrong(accepted: readonly string[]): { readonly lost: readonly string[]; readonly twice: readonly string[] };
  /** A client of the account that has this first courier. */
  login(first: CourierName): Promise<SmtpDialogue>;
}

/**
 * @param queue outages count after a second by default
 * @param limits the bridge's limits; default: more than any test sends
 */
export async function twoWays(
  queue: Partial<NonNullable<ConfigInput['queue']>> = {},
  limits?: ConfigInput['limits'],
): Promise<TwoWays> {
  const simulator = await startContoso();
  onTestFinished(() => simulator.close());
  const folder = await relayFolder(
    contosoConfig(simulator, {
      accounts: couriers.map((first) => ({ ...contosoAccount(first), send: [first, other[first]] })),
      queue: { retryBaseSeconds: 1, failoverAfterSeconds: 1, ...queue },
      retry: { mode: 'none' },
      ...(limits && { limits }),
    }),
  );
  onTestFinished(() => folder.remove());
  const bridge = await Mailbridge.start(folder.configFile);
  onTestFinished(async () => void (await bridge.kill()));
  const arrivals = () => simulator.transport.journal.entries();
  return {
    simulator,
    bridge,
    async run(...args) {
      const command = Mailbridge.run([...args, '--config', folder.configFile]);
      await command.exit();
      return command.stdout;
    },
    async isQueueEmpty() {
      const store = openSqliteStore(join(folder.path, 'data', 'queue'), { exclusive: false });
      try {
        return (await store.count('queued')) === 0;
      } finally {
        await store.close();
      }
    },
    viaOf: (messageId) => arrivals().flatMap((entry) => (entry.messageId === messageId ? [entry.via] : [])),
    wrong(accepted) {
      const times = new Map<string, number>();
      for (const { messageId } of arrivals()) times.set(messageId, (times.get(messageId) ?? 0) + 1);
      const lost = accepted.filter((id) => !times.has(id));
      return { lost, twice: [...times].filter(([, count]) => count > 1).map(([id]) => id) };
    },
    async login(first) {
      const client = await SmtpDialogue.open(bridge.port());
      const credentials = Buffer.from(`\0${first}\0${password}`).toString('base64');
      await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`);
      return client;
    },
  };
}

/** Sends a small message. @returns its Message-ID */
export async function sendMarked(client: SmtpDialogue, mark: string): Promise<string> {
  const id = `<${mark}@contoso.com>`;
  await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  const header = `From: ${reports}\r\nTo: ${alice}\r\nMessage-ID: ${id}\r\n`;
  expect(await client.message(`${header}Subject: ${mark}\r\n\r\ntext\r\n`)).toMatch(/^250 /);
  return id;
}
