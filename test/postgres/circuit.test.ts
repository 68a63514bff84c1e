import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { Circuit } from '../../src/postgres/circuit.ts';

beforeEach(() => {
  vi.useFakeTimers();
  // The middle of the jitter range.
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A circuit whose server is up or not, and what it reported. */
function world() {
  const server = { isThere: true };
  const told: string[] = [];
  const circuit = new Circuit({
    probe: async () => {
      told.push('probe');
      if (!server.isThere) throw new Error('ECONNREFUSED');
    },
    opened: ({ message }) => told.push(`opened: ${message}`),
    closed: () => told.push('closed'),
    reasonOf: (error) => new BridgeError('queue-unreachable', `No server (${(error as Error).message}).`),
  });
  return { circuit, server, told, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

test('a suspicion is looked into at once, and nothing is told where it was wrong', async () => {
  const { circuit, told, pass } = world();
  circuit.suspect();
  expect(circuit.reason).toBeUndefined();
  circuit.suspect();
  await pass(60_000);
  expect(told).toEqual(['probe']);
  circuit.suspect();
  await pass(0);
  expect(told).toEqual(['probe', 'probe']);
});

test('a server that is gone is told once, and asked after waits that grow up to five seconds, by one prober', async () => {
  const { circuit, server, told, pass } = world();
  server.isThere = false;
  circuit.suspect();
  await pass(0);
  expect(circuit.reason).toMatchObject({ code: 'queue-unreachable', message: 'No server (ECONNREFUSED).' });
  expect(told.splice(0)).toEqual(['probe', 'opened: No server (ECONNREFUSED).']);
  for (const waitMs of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
    circuit.suspect();
    await pass(waitMs - 1);
    expect(told).toEqual([]);
    await pass(1);
    expect(told.splice(0)).toEqual(['probe']);
  }
  server.isThere = true;
  await pass(5_000);
  expect(told.splice(0)).toEqual(['probe', 'closed']);
  expect(circuit.reason).toBeUndefined();
  // The next outage begins with the shortest wait again.
  server.isThere = false;
  circuit.suspect();
  await pass(0);
  expect(told.splice(0)).toEqual(['probe', 'opened: No server (ECONNREFUSED).']);
  await pass(250);
  expect(told).toEqual(['probe']);
});

test.each([
  [0, 750],
  [1, 1_250],
])('two instances do not ask at the same time: with a random %d after %d ms', async (random, waitMs) => {
  const { circuit, server, told, pass } = world();
  server.isThere = false;
  circuit.suspect();
  await pass(250);
  await pass(500);
  vi.spyOn(Math, 'random').mockReturnValue(random);
  await pass(1_000);
  told.splice(0);
  await pass(2 * waitMs - 1);
  expect(told).toEqual([]);
  await pass(1);
  expect(told).toEqual(['probe']);
});

test('who asks whether the server can be reached gets an answer as soon as there is one', async () => {
  const { circuit, server, pass } = world();
  expect(await circuit.reachable(1_000)).toBe(true);
  server.isThere = false;
  circuit.suspect();
  const answers: string[] = [];
  const ask = (name: string, patienceMs: number) =>
    void circuit.reachable(patienceMs).then((is) => answers.push(`${name} ${is}`));
  ask('impatient', 100);
  ask('patient', 10_000);
  await pass(99);
  expect(answers).toEqual([]);
  await pass(1);
  expect(answers).toEqual(['impatient false']);
  ask('late', 10_000);
  server.isThere = true;
  await pass(150);
  expect(answers).toEqual(['impatient false', 'patient true', 'late true']);
  expect(vi.getTimerCount()).toBe(0);
});

test('after its end nobody waits, and nothing is asked or told', async () => {
  const { circuit, server, told, pass } = world();
  server.isThere = false;
  circuit.suspect();
  const open = circuit.reachable(10_000);
  await pass(0);
  circuit.end();
  expect(await open).toBe(false);
  told.splice(0);
  await pass(60_000);
  circuit.suspect();
  await pass(60_000);
  expect(told).toEqual([]);
});

test.each([true, false])('an end amid a probe is the end, whatever comes of it (%s)', async (isThere) => {
  const { circuit, server, told, pass } = world();
  server.isThere = isThere;
  circuit.suspect();
  circuit.end();
  await pass(60_000);
  expect(told).toEqual(['probe']);
  expect(circuit.reason).toBeUndefined();
});

test('nor is it told that a server is back that the last probe finds', async () => {
  const { circuit, server, told, pass } = world();
  server.isThere = false;
  circuit.suspect();
  await pass(0);
  server.isThere = true;
  vi.advanceTimersByTime(250);
  circuit.end();
  await pass(60_000);
  expect(told).toEqual(['probe', 'opened: No server (ECONNREFUSED).', 'probe']);
});

test('the next look at a server keeps no process alive', async () => {
  vi.useRealTimers();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const { circuit, server } = world();
  server.isThere = false;
  const before = timers();
  circuit.suspect();
  await new Promise((resolve) => setImmediate(resolve));
  expect(circuit.reason).toBeDefined();
  expect(timers()).toBe(before);
  circuit.end();
});
