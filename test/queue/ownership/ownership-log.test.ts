import { expect, test } from 'vitest';
import { preferredInstance } from '../../../src/queue/ownership/instances.ts';
import { OwnershipLog } from '../../../src/queue/ownership/ownership-log.ts';
import { usualTimes } from '../../../src/queue/ownership/times.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../recorded-log.ts';

/** The log of instance `a`, and its lines as `level text`. */
function world() {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const told = new OwnershipLog({ self: 'a', log, clock, monotonicMs: () => clock.now(), times: usualTimes });
  return { told, lines, pass: (ms: number) => clock.advance(ms), said: () => lines.splice(0) };
}

/** The keys that an instance would have of these. */
function keysOf(owner: string, instances: readonly string[], count: number): string[] {
  const keys = Array.from({ length: 100 }, (_, at) => `contoso/m${at}@contoso.example`);
  return keys.filter((key) => preferredInstance(key, instances) === owner).slice(0, count);
}

test('who joins is told at once, this instance itself never', () => {
  const { told, said } = world();
  told.changed({ before: [], joined: ['a'], gone: [] }, ['a']);
  expect(said()).toEqual([]);
  told.changed({ before: ['a'], joined: ['b'], gone: [] }, ['a', 'b']);
  expect(said()).toEqual([
    {
      level: 'info',
      fields: { instance: 'a', joined: ['b'], instances: ['a', 'b'] },
      text: 'instance b shares the mailboxes with instance a',
    },
  ]);
  told.changed({ before: ['a', 'b'], joined: ['a', 'c', 'd'], gone: [] }, ['a', 'b', 'c', 'd']);
  expect(said()).toMatchObject([
    { fields: { joined: ['c', 'd'] }, text: 'instances c, d share the mailboxes with instance a' },
  ]);
});

test('what one that is gone has left is counted for two seconds, and told in one line', async () => {
  const { told, pass, said } = world();
  const before = ['a', 'b', 'c'];
  told.changed({ before, joined: [], gone: ['b'] }, ['a', 'c']);
  for (const key of [...keysOf('b', before, 2), ...keysOf('c', before, 3)]) told.gained(key);
  await pass(1_999);
  expect(said()).toEqual([]);
  await pass(1);
  expect(said()).toEqual([
    {
      level: 'info',
      fields: { instance: 'a', gone: 'b', leases: 2 },
      text: 'instance a has taken over 2 mailboxes of b, which ends or has not been heard of for 10 s',
    },
  ]);
  await pass(10_000);
  expect(said()).toEqual([]);
});

test('one that left nothing here is told of, too; what is gained later is nobody’s', async () => {
  const { told, pass, said } = world();
  told.changed({ before: ['a', 'b'], joined: [], gone: ['b'] }, ['a']);
  await pass(2_000);
  told.gained(keysOf('b', ['a', 'b'], 1)[0] as string);
  told.flush();
  expect(said().map(({ text }) => text)).toEqual([
    'instance b, which ends or has not been heard of for 10 s, left no mailboxes to instance a',
  ]);
});

test('somebody who joins while others stay changes nothing of what is gathered', async () => {
  const { told, pass, said } = world();
  const before = ['a', 'b'];
  told.changed({ before, joined: [], gone: ['b'] }, ['a']);
  told.changed({ before: ['a'], joined: ['c'], gone: [] }, ['a', 'c']);
  for (const key of keysOf('b', before, 1)) told.gained(key);
  await pass(2_000);
  expect(said().map(({ text }) => text)).toEqual([
    'instance c shares the mailboxes with instance a',
    'instance a has taken over 1 mailbox of b, which ends or has not been heard of for 10 s',
  ]);
});

test('what is handed over is told in one line for each instance, or at once at the end', async () => {
  const { told, pass, said } = world();
  told.handedOver('b');
  await pass(1_000);
  told.handedOver('b');
  told.handedOver('c');
  expect(said()).toEqual([]);
  told.flush();
  const lines = said();
  expect(lines.map(({ text }) => text)).toEqual([
    'instance a has handed over 2 mailboxes to b',
    'instance a has handed over 1 mailbox to c',
  ]);
  expect(lines[0]).toMatchObject({ level: 'info', fields: { instance: 'a', to: 'b', leases: 2 } });
  await pass(10_000);
  expect(said()).toEqual([]);
  told.handedOver('d');
  await pass(2_000);
  expect(said().map(({ text }) => text)).toEqual(['instance a has handed over 1 mailbox to d']);
});

test('the same line comes once a minute; between, only who looks closely sees it', async () => {
  const { told, pass, said } = world();
  told.lost(1);
  await pass(59_999);
  told.lost(2);
  told.back();
  await pass(1);
  told.lost(3);
  told.lost(4);
  expect(said().map(({ level, text }) => `${level} ${text}`)).toEqual([
    'warn instance a has lost 1 mailbox: it has not renewed its lease in time',
    'debug instance a has lost 2 mailboxes: it has not renewed its lease in time',
    'info instance a has renewed its lease again',
    'warn instance a has lost 3 mailboxes: it has not renewed its lease in time',
    'debug instance a has lost 4 mailboxes: it has not renewed its lease in time',
  ]);
});

test('a line about another matter, or another instance, is told beside it', async () => {
  const { told, pass, said } = world();
  const all = async () => {
    told.changed({ before: ['a', 'b', 'c'], joined: ['d'], gone: ['b'] }, ['a', 'c', 'd']);
    told.changed({ before: ['a', 'c', 'd'], joined: ['e'], gone: ['c'] }, ['a', 'd', 'e']);
    told.handedOver('d');
    told.handedOver('e');
    told.lost(1);
    told.lapsed(1, 9_000, undefined);
    told.back();
    await pass(2_000);
    return said().map(({ level }) => level);
  };
  const levels = ['info', 'info', 'warn', 'warn', 'info', 'info', 'info', 'info', 'info'];
  expect(await all()).toEqual(levels);
  expect(await all()).toEqual(levels.map(() => 'debug'));
  await pass(60_000);
  expect(await all()).toEqual(levels);
});

test('what is told at once is not told again when its time comes', async () => {
  const { told, pass, said } = world();
  told.handedOver('b');
  told.flush();
  await pass(1_000);
  told.handedOver('c');
  said();
  await pass(1_999);
  expect(said()).toEqual([]);
  await pass(1);
  expect(said()).toHaveLength(1);
});

test.each([
  [0, undefined, 'instance a delivers nothing: the store has not renewed its lease for 9 s'],
  [
    2,
    new Error('ECONNREFUSED'),
    'instance a gives up 2 mailboxes: the store has not renewed its lease for 9 s: ECONNREFUSED',
  ],
])('a lease of %d mailboxes that lapses is told with why', (count, failure, text) => {
  const { told, said } = world();
  told.lapsed(count, 8_600, failure);
  expect(said()).toEqual([
    { level: 'warn', fields: { instance: 'a', leases: count, ...(failure && { error: failure }) }, text },
  ]);
});

test('what the store does not hear of is told: an end always, a change to who looks closely', () => {
  const { told, said } = world();
  const error = new Error('ECONNREFUSED');
  told.cannotLeave(error);
  told.cannotLeave(error);
  told.failed(error);
  const end = 'instance a cannot tell the store that it ends: others take over within 10 s: ECONNREFUSED';
  expect(said()).toEqual([
    { level: 'warn', fields: { instance: 'a', error }, text: end },
    { level: 'warn', fields: { instance: 'a', error }, text: end },
    { level: 'debug', fields: { instance: 'a', error }, text: 'cannot change leases' },
  ]);
});
