import { expect, test } from 'vitest';
import { AccountTurns, readAhead } from '../../../src/queue/limits/turns.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import type { QueueStore } from '../../../src/queue/store.ts';

const message = (account: string, id: string) => ({ account, id }) as QueuedMessage;
const any = () => true;

function turnsOver(...stored: QueuedMessage[]) {
  const away = new Set<string>();
  const looks: (string | undefined)[] = [];
  const store = {
    accounts: () => [...new Set(stored.map(({ account }) => account))],
    due(_destination: string, _nowMs: number, limit: number, account?: string) {
      looks.push(account);
      return stored.filter((each) => each.account === account).slice(0, limit);
    },
  } as unknown as QueueStore;
  const turns = new AccountTurns('contoso/a', store, away);
  /** Takes the next one as the scheduler does: it is away until it is done. */
  const next = (mayStart: (message: QueuedMessage) => boolean = any) => {
    const first = turns.peek(0, mayStart);
    if (first === undefined || first === 'blocked') return first;
    turns.take(first);
    away.add(first.id);
    return first.id;
  };
  return { turns, stored, looks, next, away };
}

test('accounts that share a mailbox take turns, each with its longest due message', () => {
  const { next } = turnsOver(message('a', 'a1'), message('a', 'a2'), message('b', 'b1'), message('a', 'a3'));
  expect([next(), next(), next(), next(), next()]).toEqual(['a1', 'b1', 'a2', 'a3', undefined]);
});

test('one that may not start leaves its turn to the others, and blocks where there are none', () => {
  const { next } = turnsOver(message('a', 'a1'), message('b', 'b1'));
  expect(next(({ account }) => account === 'b')).toBe('b1');
  expect(next(() => false)).toBe('blocked');
  expect(next()).toBe('a1');
});

test('a new message is next of its account without a look into the store', () => {
  const { turns, next, looks } = turnsOver();
  expect(next()).toBeUndefined();
  for (const id of ['n1', 'n2', 'n1']) turns.accepted(message('a', id));
  expect([next(), next(), next()]).toEqual(['n1', 'n2', undefined]);
  expect(looks).toEqual([]);
});

test('a new message that is away already, or that the first look will find, is not counted twice', () => {
  const { turns, next, away, stored } = turnsOver();
  const early = message('a', 'early');
  turns.accepted(early);
  stored.push(early);
  expect([next(), next()]).toEqual(['early', undefined]);
  away.add('gone');
  turns.accepted(message('a', 'gone'));
  expect(next()).toBeUndefined();
});

test('of many only so many are kept in memory; the others are found in the store', () => {
  const { turns, next, stored, looks } = turnsOver();
  expect(next()).toBeUndefined();
  const all = Array.from({ length: readAhead + 10 }, (_, n) => message('a', `n${n}`));
  for (const each of all) {
    stored.push(each);
    turns.accepted(each);
  }
  const taken = all.map(() => next());
  expect(taken).toEqual(all.map(({ id }) => id));
  expect(looks).toEqual(['a']);
  expect(next()).toBeUndefined();
  expect(looks).toEqual(['a', 'a']);
  // Nothing more was due: the store is not asked again.
  expect(next()).toBeUndefined();
  expect(looks).toEqual(['a', 'a']);
});

test('what is due by now is found when time has passed, what has changed when all is read again', () => {
  const { turns, next, stored } = turnsOver();
  expect(next()).toBeUndefined();
  stored.push(message('a', 'late'));
  expect(next()).toBeUndefined();
  turns.lookAgain();
  expect(next()).toBe('late');
  turns.accepted(message('a', 'deleted'));
  stored.length = 0;
  turns.reload();
  expect(next()).toBeUndefined();
});
