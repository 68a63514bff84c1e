import { describe, expect, onTestFinished, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import type { RecipientOutcome } from '../../../src/message/delivery.ts';
import type { FollowUpPlan } from '../../../src/queue/follow-ups/follow-ups.ts';
import { Queue } from '../../../src/queue/queue.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { courierTraits } from '../courier-traits.ts';
import { recordedLog } from '../recorded-log.ts';
import { newMessage } from '../stores/store-contract.ts';
import { openTestStore } from '../test-store.ts';

const second = 1000;
const hour = 3600 * second;
const firstWaitMs = 15 * second;
const lookForMs = 30 * 60 * second;

type Answers = Readonly<Record<string, Partial<RecipientOutcome>>>;

/** A queue with follow-ups for its messages that the test observes. */
function followed(folder = temporaryFolder(), clock = new FakeClock()) {
  const store = openTestStore(folder);
  const { log, lines } = recordedLog();
  const state = {
    /** The outcome for each recipient; delivered by default. */
    answers: {} as Answers,
    copies: 1 as number | undefined,
    /** How many times it can be done now; `fails`: it cannot be tried. */
    run: (() => 1) as (id: string) => number | 'fails',
    note: ((id: string) => `note of ${id}`) as (id: string) => string | undefined,
    during: async (_signal: AbortSignal) => {},
  };
  const rounds: { readonly mailbox: string; readonly notes: readonly string[]; readonly atMs: number }[] = [];
  const lost: string[] = [];
  const plan: FollowUpPlan = {
    firstWaitMs,
    lookForMs,
    noteFor: async ({ id }) => state.note(id),
    async run({ mailbox, due, isFinished, done }, signal) {
      rounds.push({ mailbox, notes: due.map(({ note }) => note), atMs: clock.now() });
      await state.during(signal);
      for (const { id } of due) {
        const times = state.run(id);
        if (times !== 'fails' && (await isFinished(id))) done(id, times);
      }
    },
    givenUp: ({ mailbox }, count, why) => void lost.push(`${count} of ${mailbox}: ${why}`),
  };
  const queue = new Queue({
    ...{ store, clock, log, couriers: courierTraits, followUps: plan },
    limits: { messagesPerMinute: 100_000, recipientsPerDay: 1_000_000, concurrentPerMailbox: 3 },
    backoff: { baseMs: 60 * second, maxMs: hour },
    retain: { deliveredMs: hour, failedMs: 14 * 24 * hour },
    courierFor: () => ({
      deliver: async ({ envelope }) => ({
        recipients: envelope.recipients.map(({ address }) => {
          const answer = state.answers[address];
          return { address, outcome: 'delivered', code: '202', text: 'Accepted', ...answer };
        }),
        ...(state.copies === undefined ? {} : { copies: state.copies }),
      }),
    }),
    bouncesFor: async () => [],
  });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await queue.stop(0);
    stopped = true;
  };
  onTestFinished(stop);
  queue.start();
  const put = async (change: Parameters<typeof newMessage>[0] = {}) => {
    const spool = queue.spool();
    await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
    const expiresAtMs = clock.now() + 48 * hour;
    const message = await spool.commit(newMessage({ receivedAtMs: clock.now(), expiresAtMs, ...change }));
    await settle();
    return message;
  };
  const left = () => store.followUps('contoso/reports@contoso.example', Number.MAX_SAFE_INTEGER, 10_000);
  return { store, queue, clock, put, state, rounds, lost, lines, stop, folder, left };
}

const ann = 'ann@contoso.example';
const bo = 'bo@fabrikam.example';
const later = { outcome: 'temporary', code: '4.3.2', text: 'busy' } as const;
const never = { outcome: 'permanent', code: '5.1.1', text: 'unknown' } as const;

test('what was noted before the clock was set back is looked for now and then, not at each look', async () => {
  const { store, clock } = followed();
  const asked: number[] = [];
  const hasten = store.hastenFollowUps.bind(store);
  store.hastenFollowUps = (nowMs, latestMs) => {
    asked.push((latestMs - nowMs) / hour);
    return hasten(nowMs, latestMs);
  };
  await clock.advance(hour);
  // Once at the start, and every ten minutes.
  expect(asked).toEqual(Array(7).fill(2));
  clock.set(-hour);
  await clock.advance(firstWaitMs);
  expect(asked).toHaveLength(8);
});

test.each([
  [new Error('disk I/O error'), 1],
  [new BridgeError('queue-unreachable', 'away'), 0],
])('that it cannot be looked for is told, but for a store that is away: %s', async (error, times) => {
  const { store, clock, lines } = followed();
  let failures = 1;
  const hasten = store.hastenFollowUps.bind(store);
  store.hastenFollowUps = async (...given) => {
    if (failures-- > 0) throw error;
    return await hasten(...given);
  };
  await clock.advance(20 * 60 * second);
  const told = { level: 'error', fields: { error }, text: 'queue: cannot save follow-ups' };
  expect(lines.filter(({ level }) => level === 'error')).toEqual(Array(times).fill(told));
});

describe('what follows a message', () => {
  test('is noted with the outcome, done a while after that, and then over', async () => {
    const { clock, put, rounds, left } = followed();
    const { id } = await put();
    expect(await left()).toMatchObject([{ id, note: `note of ${id}`, times: 1, tries: 0 }]);
    await clock.advance(firstWaitMs - second);
    expect(rounds).toEqual([]);
    await clock.advance(2 * second);
    expect(rounds).toMatchObject([{ mailbox: 'reports@contoso.example', notes: [`note of ${id}`] }]);
    expect(await left()).toEqual([]);
    await clock.advance(2 * hour);
    expect(rounds).toHaveLength(1);
  });

  test('is nothing where nobody wants it, or where nobody was served', async () => {
    const { clock, put, state, rounds, left } = followed();
    state.note = () => undefined;
    await put();
    state.note = (id) => id;
    state.answers = { [ann]: never, [bo]: never };
    await put();
    expect(await left()).toEqual([]);
    await clock.advance(hour);
    expect(rounds).toEqual([]);
  });

  test('waits until every recipient is settled, and is then done as often as there were attempts', async () => {
    const { clock, put, state, rounds, left } = followed();
    state.answers = { [bo]: later };
    const { id } = await put();
    await clock.advance(45 * second);
    expect(await left()).toMatchObject([{ id, times: 1 }]);
    state.answers = {};
    for (let at = 0; at < 60 && (await left())[0]?.times === 1; at += 1) await clock.advance(second);
    expect(await left()).toMatchObject([{ id, times: 2 }]);
    expect(rounds).toEqual([]);
    await clock.advance(3 * 60 * second);
    // One at a time: the second comes later.
    expect(rounds.map(({ notes }) => notes)).toEqual([[`note of ${id}`], [`note of ${id}`]]);
    expect(await left()).toEqual([]);
  });

  test('is done where the others were given up, unless one of them may have been served', async () => {
    const { clock, put, state, rounds, store } = followed();
    state.answers = { [bo]: never };
    const { id } = await put();
    await clock.advance(20 * second);
    expect(rounds.map(({ notes }) => notes)).toEqual([[`note of ${id}`]]);
    state.answers = { [bo]: { outcome: 'temporary', code: 'upstream-ambiguous', text: 'lost' } };
    const unclear = await put({ expiresAtMs: clock.now() });
    expect((await store.get(unclear.id))?.state).toBe('failed');
    await clock.advance(2 * hour);
    expect(rounds).toHaveLength(1);
    // Nobody can release it any more.
    await store.remove({ ids: [unclear.id] });
    await clock.advance(hour);
    expect(rounds.slice(1).map(({ notes }) => notes)).toEqual([[`note of ${unclear.id}`]]);
  });

  test('waits again where a message that was given up is released meanwhile', async () => {
    const { clock, put, state, rounds, store, left } = followed();
    state.answers = { [bo]: never };
    const { id } = await put();
    state.answers = { [bo]: later };
    state.during = async () => {
      await store.release({ ids: [id] }, clock.now());
    };
    await clock.advance(20 * second);
    expect(rounds).toHaveLength(1);
    expect(await left()).toMatchObject([{ id, times: 1 }]);
  });

  test('goes on after the message is forgotten, or deleted while an attempt is under way', async () => {
    const { clock, put, state, rounds, store } = followed();
    const { id } = await put();
    await store.remove({ ids: [id] });
    state.note = (deleted) => {
      void store.remove({ ids: [deleted] });
      return deleted;
    };
    const deleted = await put();
    expect(await store.get(deleted.id)).toBeUndefined();
    await clock.advance(hour);
    expect(rounds.flatMap(({ notes }) => notes).toSorted()).toEqual([deleted.id, `note of ${id}`]);
  });

  test('outlives the process', async () => {
    const before = followed();
    const { id } = await before.put();
    await before.stop();
    const after = followed(before.folder, before.clock);
    await after.clock.advance(20 * second);
    expect([before.rounds.length, after.rounds.map(({ notes }) => notes)]).toEqual([0, [[`note of ${id}`]]]);
  });

  test('can be noted of what the queue does not hold', async () => {
    const { clock, queue, rounds } = followed();
    await queue.follow({ id: 'd1', connection: 'contoso', mailbox: 'a@x.example', note: 'direct' }, 1);
    await clock.advance(20 * second);
    expect(rounds).toMatchObject([{ mailbox: 'a@x.example', notes: ['direct'] }]);
  });
});

test('a store that cannot be looked at is told of, each time; one that cannot be reached others tell of', async () => {
  const { clock, store, lines, put, rounds } = followed();
  await put();
  const { followUpDestinations } = store;
  store.followUpDestinations = () => Promise.reject(new BridgeError('queue-unreachable', 'away'));
  await clock.advance(10 * second);
  const errors = () => lines.filter(({ level }) => level === 'error').map(({ text }) => text);
  expect(errors()).toEqual([]);
  store.followUpDestinations = () => Promise.reject(new Error('disk I/O error'));
  await clock.advance(3 * second);
  expect(errors()).toEqual(Array(3).fill('queue: cannot look for follow-ups'));
  store.followUpDestinations = (now) => followUpDestinations.call(store, now);
  await clock.advance(3 * second);
  expect(rounds).toHaveLength(1);
});

describe('what cannot be done yet', () => {
  test('is tried again at growing intervals, and then there is nothing to do', async () => {
    const { clock, put, state, rounds, lost, left } = followed();
    state.run = () => 0;
    await put();
    const start = clock.now();
    await clock.advance(2 * hour);
    const waits = rounds.map(({ atMs }, at) => Math.round((atMs - (rounds[at - 1]?.atMs ?? start)) / second));
    // A mailbox pauses for a minute after a round.
    expect(waits).toEqual([15, 60, 60, 120, 240, 480, 960]);
    expect(lost).toEqual(['1 of reports@contoso.example: nothing-there']);
    expect(await left()).toEqual([]);
  });

  test('is over once it was done as often as it had to be, which may come bit by bit', async () => {
    const { clock, put, state, rounds, lost, left } = followed();
    state.copies = 3;
    await put();
    await clock.advance(10 * 60 * second);
    expect(rounds).toHaveLength(3);
    expect([await left(), lost]).toEqual([[], []]);
  });

  test('is looked for to the end where nobody knows how often it has to be done', async () => {
    const { clock, put, state, rounds, lost, left } = followed();
    state.copies = undefined;
    await put();
    await clock.advance(2 * hour);
    expect(rounds).toHaveLength(7);
    expect([await left(), lost]).toEqual([[], []]);
  });

  test('because nothing can be tried is tried for a day, and then told', async () => {
    const { clock, put, state, rounds, lost, left } = followed();
    state.run = () => 'fails';
    for (let i = 0; i < 3; i++) await put();
    await clock.advance(2 * hour);
    clock.set(21 * hour);
    await clock.advance(0.9 * hour);
    expect(await left()).toHaveLength(3);
    expect(lost).toEqual([]);
    await clock.advance(1.2 * hour);
    expect(await left()).toEqual([]);
    expect(lost).toEqual(['3 of reports@contoso.example: failed']);
    expect(rounds.length).toBeLessThan(20);
  });

  test('is done as soon as it can be tried again, however long that took', async () => {
    const { clock, put, state, lost, left } = followed();
    state.run = () => 'fails';
    await put();
    await clock.advance(hour);
    clock.set(20 * hour);
    state.run = () => 1;
    await clock.advance(hour);
    expect([await left(), lost]).toEqual([[], []]);
  });

  test('because of a defect is tried again, and told', async () => {
    const { clock, put, state, lines, left } = followed();
    state.during = () => Promise.reject(new Error('a defect'));
    await put();
    await clock.advance(20 * second);
    expect(await left()).toMatchObject([{ tries: 1 }]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

describe('rounds', () => {
  test('take all that is due of a mailbox at once, and mailboxes beside one another', async () => {
    const { clock, put, rounds } = followed();
    for (let i = 0; i < 40; i++) await put({ mailbox: `box${i % 2}@contoso.example` });
    await clock.advance(2 * firstWaitMs);
    expect(rounds.map(({ mailbox, notes }) => `${mailbox} ${notes.length}`).toSorted()).toEqual([
      'box0@contoso.example 20',
      'box1@contoso.example 20',
    ]);
  });

  test('of a mailbox come one after the other, a minute apart, however slow they are', async () => {
    const { clock, put, state, rounds } = followed();
    let running = 0;
    let most = 0;
    state.during = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => clock.after(5 * second, resolve));
      running -= 1;
    };
    for (let i = 0; i < 100; i++) {
      await put();
      await clock.advance(3 * second);
    }
    await clock.advance(5 * 60 * second);
    expect(most).toBe(1);
    expect(rounds.length).toBeLessThan(8);
    expect(rounds.flatMap(({ notes }) => notes)).toHaveLength(100);
  });

  test('of at most four mailboxes go on at a time', async () => {
    const { clock, put, state, rounds } = followed();
    const gate = Promise.withResolvers<void>();
    state.during = () => gate.promise;
    for (let i = 0; i < 10; i++) await put({ mailbox: `box${i}@contoso.example` });
    await clock.advance(60 * second);
    expect(rounds).toHaveLength(4);
    gate.resolve();
    await clock.advance(60 * second);
    expect(rounds).toHaveLength(10);
  });

  test('that the end of the bridge cuts off leave what they have not done for the next run', async () => {
    const { clock, put, state, stop, folder, left } = followed();
    const ids = [(await put()).id, (await put()).id];
    state.during = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    state.run = (id) => (id === ids[0] ? 1 : 'fails');
    await clock.advance(20 * second);
    expect(await left()).toHaveLength(2);
    await stop();
    const after = followed(folder, clock);
    expect(await after.left()).toMatchObject([{ id: ids[1], tries: 0 }]);
  });

  test('come soon where the clock is set back', async () => {
    const { clock, put, rounds } = followed();
    await put();
    clock.set(-100 * hour);
    await clock.advance(60 * second);
    expect(rounds).toHaveLength(1);
  });
});
