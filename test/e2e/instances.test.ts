import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { Fleet, FleetClients, fleetId, fleetMailboxes } from '../support/fleet.ts';
import { postgresForTests } from '../support/postgres.ts';
import type { LogLine } from '../support/process.ts';
import { startContoso, until } from '../support/relay.ts';

/** `INSTANCE_ROUNDS=300` for the long run. */
const rounds = Number(process.env.INSTANCE_ROUNDS ?? 5);
/** Longer than a lease. */
const frozenMs = 14_000;

const server = postgresForTests();
let simulator: Simulator;
let fleet: Fleet | undefined;

afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
  await simulator?.close();
  await server().query('DROP SCHEMA IF EXISTS mailbridge CASCADE');
});

async function start(names: readonly string[]): Promise<Fleet> {
  simulator = await startContoso({ mailboxes: [...fleetMailboxes, 'alice@contoso.com'], graphConcurrentPerMailbox: 3 });
  simulator.limits.set({ messagesPerMinute: 30 });
  fleet = await Fleet.start(names, simulator, server(), {
    limits: { messagesPerMinute: 30, recipientsPerDay: 100_000, concurrentPerMailbox: 3 },
  });
  return fleet;
}

/** How often each message has left. */
function copies(): Map<string, number> {
  const found = new Map<string, number>();
  for (const { messageId } of simulator.transport.journal.entries()) {
    found.set(messageId, (found.get(messageId) ?? 0) + 1);
  }
  return found;
}

async function delivered(clients: FleetClients) {
  await until('the queue to be empty', async () => (await fleet?.waiting())?.length === 0, 240_000).catch(
    async (error: unknown) => {
      console.log(JSON.stringify((await fleet?.waiting())?.slice(0, 5), null, 1));
      throw error;
    },
  );
  const left = copies();
  return {
    lost: clients.with('accepted').filter((number) => !left.has(fleetId(number))),
    wrong: clients.with('refused').filter((number) => left.has(fleetId(number))),
    twice: [...left].filter(([, times]) => times > 1).map(([id]) => id),
    /** Replies to failures that the bridge does not know. */
    unknown: [...clients.refusals].filter((reply) => reply.includes('Internal error')),
    violations: simulator.violations.counts(),
  };
}

/** All that is known of messages with these Message-IDs, for the output of a failed test. */
async function histories(clients: FleetClients, ids: readonly string[]): Promise<string[]> {
  const rows = await server().query(
    `SELECT id, internet_message_id, state FROM mailbridge.everything WHERE internet_message_id = ANY($1::text[])`,
    [ids],
  );
  return ids.map((messageId) => {
    const number = Number(/\d+/.exec(messageId)?.[0]);
    const stored = rows.filter(({ internet_message_id }) => internet_message_id === messageId);
    const copies = simulator.transport.journal.entries().filter((entry) => entry.messageId === messageId);
    return [
      `${messageId}: ${clients.outcomes.get(number)}, ${clients.answers.get(number)}`,
      ...stored.map(({ id, state }) => `  in the store: ${id} ${state}`),
      ...copies.map(({ at, via, mailbox }) => `  left at ${at} by ${via} as ${mailbox}`),
      ...(fleet?.lines(({ id }) => stored.some((each) => each.id === id)) ?? []).map((line) => `  ${shown(line)}`),
    ].join('\n');
  });
}

function shown({ time, bridge, msg, level, pid, hostname, ...facts }: LogLine & { readonly bridge: string }): string {
  return `${time} ${bridge} ${msg} ${JSON.stringify(facts)}`;
}

/** What the log repeats while PostgreSQL is down. */
const usualErrors = ['queue-unreachable', 'shared-store-unavailable'];

/** Explains a failure by what led to it. */
async function explain(
  clients: FleetClients,
  { lost, wrong, twice, unknown }: Awaited<ReturnType<typeof delivered>>,
  told: readonly string[],
): Promise<void> {
  const ids = [...new Set([...[...lost, ...wrong].map(fleetId), ...twice])];
  if (ids.length + unknown.length === 0) return;
  const isError = ({ level, code, error }: LogLine) =>
    level >= 50 && !usualErrors.includes(`${code ?? (error as { code?: unknown } | undefined)?.code}`);
  const errors = fleet?.lines(isError).map(shown) ?? [];
  console.log([...(await histories(clients, ids)), 'misfortunes:', ...told, 'errors:', ...errors].join('\n'));
}

const nothingWrong = { lost: [], wrong: [], twice: [], unknown: [], violations: {} };

/** What happens to a fleet; each reports to which bridge. */
const misfortunes = {
  'a bridge is killed': async (bridges: Fleet) => {
    const bridge = bridges.any();
    await bridges.crash(bridge);
    return bridge.name;
  },
  'PostgreSQL is killed': async () => {
    await server().kill();
    await delay(randomInt(1500));
    await server().run();
    return '';
  },
  'a bridge is frozen for longer than its leases': async (bridges: Fleet) => {
    const { name, process } = bridges.any();
    process.signal('SIGSTOP');
    await delay(frozenMs);
    process.signal('SIGCONT');
    return name;
  },
} satisfies Record<string, (bridges: Fleet) => Promise<string>>;

test(`three bridges, ${rounds} misfortunes: nothing is lost, nothing comes twice, and no limit is exceeded`, {
  timeout: 420_000 + rounds * 20_000,
}, async () => {
  const bridges = await start(['bridge-a', 'bridge-b', 'bridge-c']);
  const clients = new FleetClients(bridges, 4, 500);
  const kinds = Object.keys(misfortunes) as (keyof typeof misfortunes)[];
  const told: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Each once; then at random, but long ones less often.
    const kind = kinds[round] ?? kinds[[0, 0, 0, 1, 1, 2][randomInt(6)] as number] ?? 'a bridge is killed';
    await delay(randomInt(200, 2500));
    const began = new Date().toISOString();
    const name = await misfortunes[kind](bridges);
    told.push(`${began} to ${new Date().toISOString()}: ${kind} ${name}`);
  }
  await delay(1000);
  await clients.end();
  const outcome = await delivered(clients);
  await explain(clients, outcome, told);
  const kept = clients.with('accepted').length;
  console.log(
    `${rounds} rounds: ${kept} accepted, ${copies().size} delivered, refused: ${[...clients.refusals].join(' / ')}`,
  );
  // A frozen bridge cannot close the connections that it has; Exchange counts them beside the new owner's.
  const { smtpConnections: _, ...violations } = outcome.violations;
  expect({ ...outcome, violations, told }).toEqual({ ...nothingWrong, told });
  expect(kept).toBeGreaterThan(rounds);
});

test('the mail of a bridge that is killed is delivered by another', { timeout: 120_000 }, async () => {
  const bridges = await start(['bridge-a', 'bridge-b']);
  const clients = new FleetClients(bridges, 4, 50);
  await until('both to deliver', () => copies().size > 40, 60_000);
  const [killed, other] = bridges.bridges as [Fleet['bridges'][0], Fleet['bridges'][0]];
  await killed.process.kill();
  const killedAt = Date.now();
  await clients.end();
  await until(
    'all accepted mail to be delivered',
    () => {
      const left = copies();
      return clients.with('accepted').every((number) => left.has(fleetId(number)));
    },
    90_000,
  );
  console.log(`taken over, and everything delivered, ${Date.now() - killedAt} ms after the kill`);
  // None is left where each was claimed for its mail before the other was missed.
  const takeOver =
    /^instance bridge-b has taken over \d+ mailbox(?:es)? of bridge-a|^instance bridge-a, .* left no mailboxes to instance bridge-b/;
  await other.process.line(({ msg }) => takeOver.test(msg), 'the line that says so');
  killed.process = other.process;
  expect(simulator.violations.counts()).toEqual({});
});

test('one bridge after the other is restarted, and clients notice nothing but a connection to try again', {
  timeout: 240_000,
}, async () => {
  const bridges = await start(['bridge-a', 'bridge-b', 'bridge-c']);
  const clients = new FleetClients(bridges, 4, 250);
  await delay(2000);
  for (const bridge of bridges.bridges) {
    bridge.process.signal('SIGTERM');
    expect(await bridge.process.exit()).toEqual({ code: 0, signal: null });
    await bridges.crash(bridge);
    await delay(1000);
  }
  await clients.end();
  expect([...clients.refusals].filter((reply) => !reply.startsWith('421'))).toEqual([]);
  expect(clients.with('unanswered')).toEqual([]);
  expect(await delivered(clients)).toEqual(nothingWrong);
});
