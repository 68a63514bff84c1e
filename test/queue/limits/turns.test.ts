import { expect, test } from 'vitest';
import { AccountTurns, readAhead } from '../../../src/queue/limits/turns.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const message = (account: string, id: string) => ({ account, id }) as QueuedMessage;
const any = () => true;

function turnsOver(...stored: QueuedMessage[]) {
  const clock = new FakeClock();
  const away = new Set<string>();
  const looks: (string | undefined)[] = [];
  const failures: unknown[] = [];
  const state = { accountsReads: 0, dueTimes: [] as number[], hold: undefined as Promise<void> | undefined };
  const store = {
    async accounts() {
      state.accountsReads++;
      const found = [...new Set(stored.map(({ account }) => account))];
      await state.hold;
      return found;
    },
    async due(_destination: string, _nowMs: number, limit: number, account?: string) {
      looks.push(account);
      const found = stored.filter((each) => each.account === account).slice(0, limit);
      await state.hold;
      return found;
    },
    async nextDueMs(_destination: string, afterMs: number) {
      return state.dueTimes.find((atMs) => atMs > afterMs);
    },
  };
  let onRead = () => {};
  const turns = new AccountTurns({
    ...{ destination: 'contoso/a', store, clock, away },
    onRead: () => onRead(),
    onFailure: (error) => void failures.push(error),
  });
  const peek = (mayStart: (message: QueuedMessage) => boolean = any) => turns.peek(clock.now(), mayStart);
  /** Takes the next one as the scheduler does: it is away until done. */
  const next = async (mayStart: (message: QueuedMessage) => boolean = any) => {
    for (;;) {
      const first = peek(mayStart);
      if (first === 'reading') {
        await new Promise<void>((resolve) => {
          onRead = resolve;
        });
        continue;
      }
      if (first === undefined || first === 'blocked') return first;
      turns.take(first);
      away.add(first.id);
      return first.id;
    }
  };
  /** This many of them. */
  const nexts = async (count: number) => {
    const taken: (string | undefined)[] = [];
    for (let n = 0; n < count; n++) taken.push(await next());
    return taken;
  };
  /** Holds back the answers of the store. @returns a function that lets them through */
  const held = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.hold = promise;
    return async () => {
      state.hold = undefined;
      resolve();
      await settle();
    };
  };
  return { turns, clock, store, stored, looks, next, nexts, peek, away, state, held, failures };
}

test('accounts that share a mailbox take turns, each with its longest due message', async () => {
  const { nexts } = turnsOver(message('a', 'a1'), message('a', 'a2'), message('b', 'b1'), message('a', 'a3'));
  expect(await nexts(5)).toEqual(['a1', 'b1', 'a2', 'a3', undefined]);
});

test('one that may not start leaves its turn to the others, and blocks where there are none', async () => {
  const { next } = turnsOver(message('a', 'a1'), message('b', 'b1'));
  expect(await next(({ account }) => account === 'b')).toBe('b1');
  expect(await next(() => false)).toBe('blocked');
  expect(await next()).toBe('a1');
});

test('a new message is next of its account without a look into the store', async () => {
  const { turns, next, nexts, looks } = turnsOver();
  expect(await next()).toBeUndefined();
  for (const id of ['n1', 'n2', 'n1']) turns.accepted(message('a', id));
  expect(await nexts(3)).toEqual(['n1', 'n2', undefined]);
  expect(looks).toEqual([]);
});

test('a new message that is away already, or that the first look will find, is not counted twice', async () => {
  const { turns, next, nexts, away, stored } = turnsOver();
  const early = message('a', 'early');
  turns.accepted(early);
  stored.push(early);
  expect(await nexts(2)).toEqual(['early', undefined]);
  away.add('gone');
  turns.accepted(message('a', 'gone'));
  expect(await next()).toBeUndefined();
});

test('of many only so many are kept in memory; the others are found in the store', async () => {
  const { turns, next, nexts, stored, looks } = turnsOver();
  expect(await next()).toBeUndefined();
  const all = Array.from({ length: readAhead + 10 }, (_, n) => message('a', `n${n}`));
  for (const each of all) {
    stored.push(each);
    turns.accepted(each);
  }
  expect(await nexts(all.length)).toEqual(all.map(({ id }) => id));
  expect(looks).toEqual(['a']);
  expect(await next()).toBeUndefined();
  expect(looks).toEqual(['a', 'a']);
  // Nothing more was due: the store is not asked again.
  expect(await next()).toBeUndefined();
  expect(looks).toEqual(['a', 'a']);
});

test('what is due by now is found when time has passed, what has changed when all is read again', async () => {
  const { turns, next, stored } = turnsOver();
  expect(await next()).toBeUndefined();
  stored.push(message('a', 'late'));
  expect(await next()).toBeUndefined();
  turns.lookAgain();
  expect(await next()).toBe('late');
  turns.accepted(message('a', 'deleted'));
  stored.length = 0;
  turns.reload();
  expect(await next()).toBeUndefined();
});

test('what falls due later is found then, whether the store has told when or the destination', async () => {
  const { turns, next, stored, state, clock } = turnsOver();
  state.dueTimes = [clock.now() + 1000];
  expect(await next()).toBeUndefined();
  expect(turns.dueMs).toBe(clock.now() + 1000);
  turns.defer(clock.now() + 500);
  stored.push(message('a', 'late'));
  await clock.advance(499);
  expect(await next()).toBeUndefined();
  await clock.advance(1);
  expect(await next()).toBe('late');
  expect(turns.dueMs).toBe(clock.now() + 500);
});

test('while the store is read nothing is to be had, and it is read once at a time', async () => {
  const { peek, held, state, looks } = turnsOver(message('a', 'a1'), message('b', 'b1'));
  let release = held();
  expect([peek(), peek()]).toEqual(['reading', 'reading']);
  expect(state.accountsReads).toBe(1);
  await release();
  release = held();
  expect([peek(), peek()]).toEqual(['reading', 'reading']);
  expect(looks).toEqual(['a']);
  await release();
  expect(peek()).toMatchObject({ id: 'a1' });
});

test('what was away when a read began, and is so no more, is left out of it and looked at again', async () => {
  const { peek, held, next, away, stored } = turnsOver(message('a', 'a1'), message('a', 'a2'));
  expect(await next()).toBe('a1');
  expect(await next()).toBe('a2');
  const release = held();
  expect(peek()).toBe('reading');
  // Meanwhile the attempt of a1 has ended, and the store had reported it as due before.
  away.delete('a1');
  stored.shift();
  await release();
  expect(await next()).toBeUndefined();
  const again = held();
  stored.unshift(message('a', 'a1'));
  expect(peek()).toBeUndefined();
  await again();
});

test('what ended while it was read, and is due again, is found by the look that follows', async () => {
  const { peek, held, next, away } = turnsOver(message('a', 'a1'));
  expect(await next()).toBe('a1');
  const release = held();
  expect(peek()).toBe('reading');
  away.delete('a1');
  await release();
  expect(await next()).toBe('a1');
});

test('what is accepted while accounts are looked for, or its account is read, is not missed', async () => {
  const { turns, peek, held, next, stored } = turnsOver();
  const accept = (account: string, id: string) => {
    stored.push(message(account, id));
    turns.accepted(message(account, id));
  };
  let release = held();
  expect(peek()).toBe('reading');
  accept('a', 'during the look');
  await release();
  expect(await next()).toBe('during the look');
  stored.length = 0;
  release = held();
  expect(peek()).toBe('reading');
  accept('a', 'during the read');
  await release();
  expect(await next()).toBe('during the read');
});

test('however often something is accepted or falls due, a look is followed by a start', async () => {
  const { turns, peek, state, away } = turnsOver(message('a', 'a1'), message('a', 'a2'), message('a', 'a3'));
  const taken: string[] = [];
  for (let n = 0; n < 20; n++) {
    turns.lookAgain();
    turns.defer(0);
    const first = peek();
    await settle();
    if (typeof first !== 'object') continue;
    turns.take(first);
    away.add(first.id);
    taken.push(first.id);
  }
  expect(taken).toEqual(['a1', 'a2', 'a3']);
  expect(state.accountsReads).toBeLessThan(20);
});

test('a reload makes a read under way worth nothing, and does not wait for it', async () => {
  const { turns, peek, held, next, stored } = turnsOver(message('a', 'deleted'));
  expect(peek()).toBe('reading');
  await settle();
  const release = held();
  expect(peek()).toBe('reading');
  stored.length = 0;
  turns.reload();
  expect(peek()).toBe('reading');
  await release();
  expect(await next()).toBeUndefined();
});

test('a store that fails is told once, and read again after a second, or at once when it has changed', async () => {
  const { turns, store, peek, next, clock, failures, state } = turnsOver(message('a', 'a1'));
  const { accounts } = store;
  store.accounts = async () => {
    throw new Error('disk I/O error');
  };
  expect(peek()).toBe('reading');
  await settle();
  expect(failures).toHaveLength(1);
  store.accounts = accounts;
  await clock.advance(999);
  expect(peek()).toBe('reading');
  expect(state.accountsReads).toBe(0);
  await clock.advance(1);
  expect(await next()).toBe('a1');
  store.due = () => {
    throw new Error('disk I/O error');
  };
  turns.reload();
  expect([peek(), await settle(), peek(), await settle()].filter(Boolean)).toEqual(['reading', 'reading']);
  expect(failures).toHaveLength(2);
  turns.reload();
  expect(peek()).toBe('reading');
  turns.stop();
  await settle();
  expect(failures).toHaveLength(2);
});

test('what an old read finds, or fails with, counts for nothing once all is read anew', async () => {
  for (const isFailing of [false, true]) {
    const { turns, store, stored, peek, next, held, failures, state } = turnsOver(message('old', 'o1'));
    const release = held();
    const { accounts } = store;
    if (isFailing) {
      store.accounts = async () => {
        await state.hold;
        throw new Error('disk I/O error');
      };
    }
    expect(peek()).toBe('reading');
    turns.reload();
    store.accounts = accounts;
    stored.splice(0, 1, message('new', 'n1'));
    expect(peek()).toBe('reading');
    await release();
    expect(await next()).toBe('n1');
    expect(await next()).toBe(undefined);
    expect(failures).toEqual([]);
  }
});

test('after a failure it is told when it is worth another look, which finds what falls due later', async () => {
  const { turns, clock, store, peek, state, failures } = turnsOver();
  state.dueTimes = [clock.now() + 60_000];
  const { accounts } = store;
  store.accounts = async () => {
    throw new Error('disk I/O error');
  };
  expect(peek()).toBe('reading');
  await settle();
  expect(failures).toHaveLength(1);
  store.accounts = accounts;
  expect(peek()).toBe('reading');
  await clock.advance(1_000);
  expect(peek()).toBe('reading');
  await settle();
  expect(peek()).toBe(undefined);
  expect(turns.dueMs).toBe(clock.now() + 59_000);
});

test('the end of a rest wakes who waits for it', async () => {
  const { clock, store, next } = turnsOver(message('a', 'a1'));
  const { accounts } = store;
  store.accounts = async () => {
    store.accounts = accounts;
    throw new Error('disk I/O error');
  };
  const found = next();
  await clock.advance(999);
  let isFound = false;
  void found.then(() => {
    isFound = true;
  });
  await settle();
  expect(isFound).toBe(false);
  await clock.advance(1);
  expect(await found).toBe('a1');
});
