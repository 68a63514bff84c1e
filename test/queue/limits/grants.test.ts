import { expect, test } from 'vitest';
import { ExternalLimit } from '../../../src/queue/limits/external.ts';
import { type ExternalGrants, type ExternalWindow, GrantedPart } from '../../../src/queue/limits/grants.ts';
import { dayMs } from '../../../src/queue/limits/limits.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** A part of a limit of 1000, of which the store has this much left. */
function world(left: number, limit = 1000) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const state = { left, failure: undefined as Error | undefined, answers: 0, failures: 0 };
  const grants: ExternalGrants = {
    async grant(connection: string, amount: number, window: ExternalWindow) {
      calls.push(`${connection} asks for ${amount} of ${window.limit}`);
      if (state.failure) throw state.failure;
      const granted = Math.min(amount, state.left);
      state.left -= granted;
      return granted;
    },
    async giveBack(connection: string, amount: number) {
      calls.push(`${connection} gives back ${amount}`);
      if (state.failure) throw state.failure;
      state.left += amount;
    },
  };
  const part = new GrantedPart({
    ...{ grants, clock, connection: 'contoso', limit, windowMs: dayMs },
    onAnswer: () => void state.answers++,
    onFailure: () => void state.failures++,
  });
  return { part, clock, calls, state };
}

test('a part is asked for once, and serves until it is used up', async () => {
  const { part, calls, state } = world(1000);
  expect([part.isAskedFor(3), part.isAskedFor(1)]).toEqual([true, true]);
  await settle();
  expect([calls.splice(0), state.answers]).toEqual([['contoso asks for 10 of 1000'], 1]);
  expect(part.isAskedFor(3)).toBe(false);
  part.reserve(3);
  part.reserve(7);
  expect(part.isAskedFor(1)).toBe(true);
  await settle();
  expect(calls.splice(0)).toEqual(['contoso asks for 10 of 1000']);
  // Two of the seven were served: five are left for others, besides the second ten.
  part.settle(7, 2);
  part.settle(3, 3);
  expect([part.isAskedFor(15), part.isAskedFor(16)]).toEqual([false, true]);
  await settle();
  expect(calls).toEqual(['contoso asks for 10 of 1000']);
});

test('what ends while the store is asked is used up all the same', async () => {
  const { part } = world(1000, 100);
  part.isAskedFor(1);
  await settle();
  part.reserve(1);
  expect(part.isAskedFor(1)).toBe(true);
  part.settle(1, 1);
  await settle();
  part.reserve(1);
  expect(part.isAskedFor(1)).toBe(true);
});

test('a message with many recipients asks for as many, and no more than the limit', async () => {
  const { part, calls } = world(1000);
  part.isAskedFor(25);
  await settle();
  part.reserve(25);
  part.settle(25, 25);
  part.isAskedFor(4000);
  await settle();
  expect(calls).toEqual(['contoso asks for 25 of 1000', 'contoso asks for 1000 of 1000', 'contoso gives back 975']);
});

test('where too little is left it is given back, and asked for again in a minute', async () => {
  const { part, clock, calls, state } = world(4);
  part.isAskedFor(5);
  await settle();
  expect([calls.splice(0), state]).toMatchObject([
    ['contoso asks for 10 of 1000', 'contoso gives back 4'],
    { left: 4, answers: 1 },
  ]);
  expect([part.isAskedFor(5), part.waitMs(5)]).toEqual([false, 60_000]);
  await clock.advance(59_999);
  expect([part.isAskedFor(1), part.waitMs(1)]).toEqual([false, 1]);
  await clock.advance(1);
  expect([part.waitMs(1), part.isAskedFor(1)]).toEqual([0, true]);
  await settle();
  expect([part.isAskedFor(1), part.isAskedFor(5)]).toEqual([false, true]);
});

test('a store that cannot be asked is asked again a second later', async () => {
  const { part, clock, calls, state } = world(1000);
  state.failure = new Error('away');
  part.isAskedFor(1);
  await clock.advance(999);
  expect([part.isAskedFor(1), calls.length, state.failures, state.answers]).toEqual([true, 1, 1, 0]);
  state.failure = undefined;
  await clock.advance(1);
  expect(state.answers).toBe(1);
  expect(part.isAskedFor(1)).toBe(true);
  await settle();
  expect(part.isAskedFor(1)).toBe(false);
});

test('at the end all is given back that no attempt needs, and the rest as they end', async () => {
  const { part, calls, state } = world(1000);
  part.isAskedFor(1);
  await settle();
  part.reserve(4);
  await part.close();
  expect([calls.splice(0), state.left]).toEqual([['contoso asks for 10 of 1000', 'contoso gives back 6'], 996]);
  part.settle(4, 1);
  await settle();
  expect([calls, state.left]).toEqual([['contoso gives back 3'], 999]);
});

test('what comes after the end is given back at once', async () => {
  const { part, calls, state } = world(1000);
  part.isAskedFor(1);
  await part.close();
  await settle();
  expect([calls, state.left, state.answers]).toEqual([
    ['contoso asks for 10 of 1000', 'contoso gives back 10'],
    1000,
    0,
  ]);
});

test('a limit that is shared waits for what others have used, and counts what it has itself', async () => {
  const { part, calls, state } = world(2, 100);
  const limit = new ExternalLimit(100, part);
  expect([limit.waitMs('contoso/a', 0, 1), limit.isAskedFor(1)]).toEqual([0, true]);
  await settle();
  expect([limit.isAskedFor(1), limit.waitMs('contoso/a', 0, 1)]).toEqual([false, 0]);
  limit.reserve('contoso/a', 1);
  limit.settle('contoso/a', 1, 0, 1);
  state.left = 0;
  expect(limit.isAskedFor(1)).toBe(true);
  await settle();
  expect([limit.isAskedFor(1), limit.waitMs('contoso/a', 0, 1)]).toEqual([false, 60_000]);
  await limit.close();
  expect(calls).toEqual(['contoso asks for 1 of 100', 'contoso asks for 1 of 100']);
});
