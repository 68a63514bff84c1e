import { expect, test } from 'vitest';
import type { ConnectionPart, ConnectionTrouble, DeliveryReport } from '../../../src/message/delivery.ts';
import {
  Breakers,
  type BreakersOptions,
  breakerConnection,
  breakerKey,
  breakerKeys,
  isLeftBehind,
} from '../../../src/queue/breakers/breakers.ts';
import type { LearnedPause } from '../../../src/queue/limits/pause.ts';
import type { QueueStore } from '../../../src/queue/store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';
import { recordedLog } from '../recorded-log.ts';
import { minuteMs, trouble } from './outage-world.ts';

function world(overrides: Partial<BreakersOptions> = {}) {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const pauses = new Map<string, LearnedPause>();
  const told: string[] = [];
  const store = {
    pauses: async () => [...pauses.values()],
    async setPause(pause: LearnedPause) {
      pauses.set(pause.key, pause);
    },
    async endPause(key: string) {
      pauses.delete(key);
    },
    totals: async () => [{ messages: 3 }, { messages: 4 }],
  };
  const breakers = new Breakers({
    ...{ clock, log, couriers: courierTraits, random: () => 1, store: store as unknown as QueueStore },
    onRoom: (connection) => told.push(`room ${connection}`),
    onOpen: (connection, couriers) => told.push(`open ${connection} ${couriers.join(' ')}`),
    onOver: (connection, { code }) => told.push(`over ${connection} ${code}`),
    ...overrides,
  });
  return { breakers, clock, pauses, told, lines, store };
}

/** A report with the same code for its recipient, and trouble if given. */
function report(code: string, of?: ConnectionTrouble): DeliveryReport {
  const recipients = [{ address: 'a', outcome: 'temporary', code, text: 'x' }] as const;
  return of ? { recipients, trouble: of } : { recipients };
}

const down = (part: ConnectionPart, isSure = true) => ({ ...trouble(part, 'down', 'no answer'), isSure });

test('a breaker is kept under a key that tells its connection, and no other key does', () => {
  expect(breakerKey('contoso', 'graph')).toBe('contoso breaker graph');
  expect(breakerKeys('contoso', courierTraits.smtp)).toEqual([
    'contoso breaker exchange-token',
    'contoso breaker smtp',
  ]);
  expect(breakerConnection('contoso breaker graph')).toBe('contoso');
  expect(breakerConnection('contoso/a@contoso.example')).toBeUndefined();
  expect(breakerConnection('contoso external')).toBeUndefined();
});

test('sure trouble of a part holds back the couriers that use it, of that connection alone', async () => {
  const { breakers, told, pauses, clock } = world();
  const gate = breakers.gate('contoso');
  expect(breakers.gate('contoso')).toBe(gate);
  const permit = gate.begin('graph', 'a');
  expect(permit.isProbe).toBe(false);
  expect(permit.ended(report('x', down('graph')))).toBe(true);
  expect(permit.ended(report('x', down('graph')))).toBe(false);
  expect([gate.mayStart('graph'), gate.mayStart('smtp')]).toEqual([false, true]);
  expect(breakers.gate('fabrikam').mayStart('graph')).toBe(true);
  expect(gate.open('graph')).toMatchObject({ trouble: down('graph'), failures: 1, sinceMs: clock.now() });
  expect(gate.open('smtp')).toBeUndefined();
  expect(told.filter((each) => !each.startsWith('room'))).toEqual(['open contoso graph']);
  expect(breakers.view()).toMatchObject([{ connection: 'contoso', part: 'graph', state: 'open' }]);
  await settle();
  expect([...pauses.values()]).toEqual([
    {
      ...{ key: 'contoso breaker graph', untilMs: clock.now() + 1000, sinceMs: clock.now(), code: 'down' },
      ...{ text: 'no answer', strikes: 1, needsAdmin: false },
    },
  ]);
});

test('what only an administrator can end is kept as such, with what to do', async () => {
  const { breakers, pauses } = world();
  const of = { ...down('graph'), outcome: 'needs-admin', remedy: 'Open the port.' } as const;
  breakers.gate('contoso').begin('graph', 'a').ended(report('x', of));
  await settle();
  expect([...pauses.values()]).toMatchObject([{ needsAdmin: true, text: 'no answer Open the port.' }]);
});

test('of the parts before the one in trouble an attempt shows that they work, of those behind it nothing', async () => {
  const { breakers, clock, told } = world();
  const gate = breakers.gate('contoso');
  const suspected = (part: ConnectionPart, mailbox: string) =>
    gate.begin('graph', mailbox).ended(report('x', down(part, false)));
  expect([suspected('graph-token', 'a'), suspected('graph-token', 'b')]).toEqual([false, false]);
  // The token was obtained: two mailboxes in trouble with it are forgotten.
  expect(suspected('graph', 'c')).toBe(false);
  expect(suspected('graph-token', 'd')).toBe(false);
  // The host was not reached: its own suspects remain.
  expect([suspected('graph', 'e'), suspected('graph', 'f')]).toEqual([false, true]);
  expect(told.filter((each) => each.startsWith('open'))).toEqual([]);
  await clock.advance(1001);
  const permit = gate.begin('graph', 'a');
  expect(permit.isProbe).toBe(true);
  expect(permit.ended(report('x'))).toBe(false);
  expect(told).toContain('over contoso down');
  expect(breakers.view()).toEqual([]);
});

test('trouble of a part that the courier does not use shows nothing', () => {
  const { breakers } = world();
  const gate = breakers.gate('contoso');
  expect(gate.begin('graph', 'a').ended(report('x', down('smtp')))).toBe(false);
  expect([gate.mayStart('graph'), gate.mayStart('smtp')]).toEqual([true, true]);
});

test('a probe of a token proves that its trouble is over, one of a host has to be followed by an attempt', async () => {
  const { breakers, clock, told } = world({ probe: async () => undefined });
  const gate = breakers.gate('contoso');
  gate.begin('graph', 'a').ended(report('x', down('graph-token')));
  gate.begin('smtp', 'a').ended(report('x', down('smtp')));
  await clock.advance(1001);
  expect(breakers.view()).toMatchObject([{ part: 'smtp', state: 'probing' }]);
  expect(told).not.toContain('over contoso down');
});

test('while it lasts the log has it once, with how many wait at the end', async () => {
  const { breakers, clock, lines } = world({
    probe: async (_, part) => (part === 'graph' ? down('graph') : undefined),
  });
  breakers
    .gate('contoso')
    .begin('graph', 'a')
    .ended(report('x', down('graph')));
  await clock.advance(11 * minuteMs);
  expect(lines.map(({ text }) => text)).toEqual([
    expect.stringContaining('is paused'),
    expect.stringContaining('is still paused'),
  ]);
  expect(lines[1]?.fields).toMatchObject({ waiting: 7 });
});

test('a start forgets what an earlier run has left of breakers, and no other pause; a stop ends what is open', async () => {
  const { breakers, pauses, clock } = world();
  for (const key of ['contoso breaker graph', 'contoso external']) pauses.set(key, { key } as LearnedPause);
  breakers.start();
  await settle();
  expect([...pauses.keys()]).toEqual(['contoso external']);
  breakers
    .gate('contoso')
    .begin('graph', 'a')
    .ended(report('x', down('graph')));
  await settle();
  expect([...pauses.keys()]).toEqual(['contoso external', 'contoso breaker graph']);
  await breakers.stop();
  expect([...pauses.keys()]).toEqual(['contoso external']);
  await clock.advance(minuteMs);
  expect(breakers.view()).toMatchObject([{ state: 'open' }]);
});

test('where instances share the store, a start ends no breaker of another but one that nobody probes any more', async () => {
  const { breakers, pauses, clock, store } = world();
  Object.assign(store, { leases: {} });
  const now = clock.now();
  for (const [key, untilMs] of [
    ['contoso breaker graph', now - 9 * minuteMs],
    ['contoso breaker graph-token', now + minuteMs],
    ['fabrikam breaker graph', now - 11 * minuteMs],
    ['fabrikam external', now - 11 * minuteMs],
  ] as const) {
    pauses.set(key, { key, untilMs } as LearnedPause);
  }
  breakers.start();
  await settle();
  expect([...pauses.keys()]).toEqual(['contoso breaker graph', 'contoso breaker graph-token', 'fabrikam external']);
});

test('a store that cannot keep a breaker is told', async () => {
  const { breakers, store, lines } = world();
  store.setPause = async () => {
    throw new Error('disk I/O error');
  };
  breakers
    .gate('contoso')
    .begin('graph', 'a')
    .ended(report('x', down('graph')));
  await settle();
  expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
    { text: 'queue: cannot save the state of a breaker' },
  ]);
});

/** What an attempt does to a breaker whose connection is under trial: it closes it, or not. */
async function trialOf(shown: DeliveryReport | undefined): Promise<string | undefined> {
  const { breakers, clock } = world();
  const gate = breakers.gate('contoso');
  gate.begin('graph', 'a').ended(report('x', down('graph')));
  await clock.advance(1_000);
  const permit = gate.begin('graph', 'a');
  expect(permit.isProbe).toBe(true);
  expect(permit.ended(shown)).toBe(false);
  return breakers.view()[0]?.state;
}

test.each([
  'delivery-aborted',
  'lease-lost',
  'internal',
  'connection-gone',
  'message-unreadable',
  'header-too-large-for-graph',
  'message-not-sendable-by-graph',
  'envelope-narrower-than-headers',
  'upstream-ambiguous',
  'delivery-ambiguous',
])('an attempt that did not come far enough shows nothing: %s', async (code) => {
  expect(await trialOf(report(code))).toBe('probing');
  const [first] = report(code).recipients;
  const two = { recipients: [first, { ...first, code: '202' }] } as DeliveryReport;
  expect(await trialOf(two)).toBeUndefined();
});

test('an attempt that sent nothing, or was not made, shows nothing; any other shows that the connection works', async () => {
  expect(await trialOf({ ...report('5.1.1'), sentNothing: true })).toBe('probing');
  expect(await trialOf(undefined)).toBe('probing');
  expect(await trialOf({ recipients: [] })).toBe('probing');
  expect(await trialOf(report('5.1.1'))).toBeUndefined();
});

test('one that sent nothing for trouble of the connection shows that trouble', () => {
  const { breakers } = world();
  const gate = breakers.gate('contoso');
  expect(gate.begin('graph', 'a').ended({ ...report('x', down('graph')), sentNothing: true })).toBe(true);
  expect(gate.mayStart('graph')).toBe(false);
});

test('a stop is over when the store has what was to be written', async () => {
  const { breakers, store, pauses } = world();
  breakers
    .gate('contoso')
    .begin('graph', 'a')
    .ended(report('x', down('graph')));
  await settle();
  const end = store.endPause;
  let release = () => {};
  store.endPause = async (key) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    await end(key);
  };
  let isOver = false;
  const stopping = breakers.stop().then(() => {
    isOver = true;
  });
  await settle();
  expect([isOver, pauses.size]).toEqual([false, 1]);
  release();
  await stopping;
  expect(pauses.size).toBe(0);
});

test('a breaker is left behind ten minutes after its probe was due', () => {
  expect(isLeftBehind({ untilMs: 1_000 }, 601_000)).toBe(false);
  expect(isLeftBehind({ untilMs: 1_000 }, 601_001)).toBe(true);
});
