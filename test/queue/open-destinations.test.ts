import { describe, expect, test } from 'vitest';
import type { Destination } from '../../src/queue/destination.ts';
import type { DestinationLimits } from '../../src/queue/limits/destinations.ts';
import { OpenDestinations } from '../../src/queue/open-destinations.ts';
import type { Lease } from '../../src/queue/ownership/lease.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

/** Destinations opened as the test says, each with a lease for its own key. */
function world() {
  const clock = new FakeClock();
  const done: string[] = [];
  const failures: unknown[] = [];
  const reads: { readonly key: string; answer(): void; fail(error: Error): void }[] = [];
  const state = { fences: new Map<string, number>(), areOfNow: true, isHeld: false };
  const limits = {
    of: (key: string) =>
      new Promise((resolve, reject) => {
        reads.push({ key, answer: () => resolve({ key }), fail: reject });
        if (!state.isHeld) resolve({ key });
      }),
    areOfNow: () => state.areOfNow,
    opened: (key: string) => done.push(`opened ${key}`),
    closed: (key: string) => done.push(`closed ${key}`),
  };
  const destinations = new OpenDestinations({
    clock,
    limits: limits as unknown as DestinationLimits,
    leaseOf: (key) => {
      const fence = state.fences.get(key) ?? 1;
      return fence === 0 ? undefined : { key: key.split(' ')[0] as string, fence, sinceMs: 0 };
    },
    make: ({ key }, lease: Lease) =>
      ({
        ...{ key, connection: key.split('/')[0], guard: { lease } },
        wake: () => done.push(`wake ${key}`),
        stop: () => done.push(`stop ${key}`),
      }) as unknown as Destination,
    onFailure: (error) => failures.push(error),
  });
  return { destinations, clock, done, failures, reads, state };
}

describe('a destination', () => {
  test('is opened once for all who ask, woken, and is there from then on', async () => {
    const { destinations, done, reads } = world();
    expect(destinations.get('contoso/a')).toBeUndefined();
    const [one, two] = await Promise.all([destinations.open('contoso/a'), destinations.open('contoso/a')]);
    expect(one).toBe(two);
    expect(await destinations.open('contoso/a')).toBe(one);
    expect([destinations.get('contoso/a'), destinations.all()]).toEqual([one, [one]]);
    expect([done, reads.length]).toEqual([['opened contoso/a', 'wake contoso/a'], 1]);
  });

  test('is not opened where it is not this instance’s, nor after a stop', async () => {
    const { destinations, state, done } = world();
    state.fences.set('contoso/a', 0);
    expect(await destinations.open('contoso/a')).toBeUndefined();
    const open = await destinations.open('contoso/b');
    destinations.stop();
    expect(await destinations.open('contoso/c')).toBeUndefined();
    expect(open?.key).toBe('contoso/b');
    expect(done.filter((each) => !each.endsWith('b'))).toEqual([]);
    expect(done).toContain('stop contoso/b');
  });

  test('is read anew where its lease came again, or what it shares was counted anew meanwhile', async () => {
    const { destinations, state, reads } = world();
    state.isHeld = true;
    const opening = destinations.open('contoso/a');
    await settle();
    state.fences.set('contoso/a', 2);
    reads[0]?.answer();
    await settle();
    expect(reads).toHaveLength(2);
    state.areOfNow = false;
    reads[1]?.answer();
    await settle();
    expect(reads).toHaveLength(3);
    state.areOfNow = true;
    reads[2]?.answer();
    expect((await opening)?.guard.lease.fence).toBe(2);
  });

  test('that is lost while it is read is not opened', async () => {
    const { destinations, state, reads, done } = world();
    state.isHeld = true;
    const opening = destinations.open('contoso/a');
    await settle();
    state.fences.set('contoso/a', 0);
    reads[0]?.answer();
    expect(await opening).toBeUndefined();
    expect(done).toEqual([]);
    state.fences.set('contoso/a', 1);
    state.isHeld = false;
    expect(await destinations.open('contoso/a')).toBeDefined();
  });
});

describe('a store that cannot be read', () => {
  test('is told once, and left alone for a second by all', async () => {
    const { destinations, state, reads, failures, clock } = world();
    state.isHeld = true;
    const openings = [destinations.open('contoso/a'), destinations.open('contoso/b')];
    await settle();
    const error = new Error('disk I/O error');
    for (const read of reads) read.fail(error);
    await settle();
    expect(failures).toEqual([error]);
    state.isHeld = false;
    openings.push(destinations.open('contoso/c'));
    await clock.advance(999);
    expect(reads).toHaveLength(2);
    await clock.advance(1);
    expect((await Promise.all(openings)).map((each) => each?.key)).toEqual(['contoso/a', 'contoso/b', 'contoso/c']);
  });

  test('at a stop is told to nobody', async () => {
    const { destinations, state, reads, failures } = world();
    state.isHeld = true;
    const opening = destinations.open('contoso/a');
    await settle();
    destinations.stop();
    reads[0]?.fail(new Error('closed'));
    expect(await opening).toBeUndefined();
    expect(failures).toEqual([]);
  });

  test('is asked for eight destinations at a time', async () => {
    const { destinations, state, reads } = world();
    state.isHeld = true;
    const openings = Array.from({ length: 10 }, (_, at) => destinations.open(`contoso/${at}`));
    await settle();
    expect(reads).toHaveLength(8);
    reads[0]?.answer();
    await settle();
    expect(reads).toHaveLength(9);
    for (let at = 1; at < 10; at++) {
      reads[at]?.answer();
      await settle();
    }
    expect(await Promise.all(openings)).toHaveLength(10);
  });
});

describe('destinations that another instance has', () => {
  test('are forgotten, and not opened again before all of theirs has ended', async () => {
    const { destinations, done, clock } = world();
    const one = (await destinations.open('contoso/a')) as Destination;
    const ends: (() => void)[] = [];
    const ended = () => new Promise<void>((resolve) => ends.push(resolve));
    destinations.forget([one], ended());
    expect([destinations.get('contoso/a'), destinations.all()]).toEqual([undefined, []]);
    expect(done).toContain('closed contoso/a');
    const opened: string[] = [];
    void destinations.open('contoso/a').then((each) => opened.push(each?.key ?? ''));
    await clock.advance(0);
    expect(opened).toEqual([]);
    ends[0]?.();
    await settle();
    expect(opened).toEqual(['contoso/a']);
    // It is another one by now.
    destinations.forget([one], ended());
    expect(destinations.get('contoso/a')).toBeDefined();
    expect(done.filter((each) => each.startsWith('closed'))).toHaveLength(1);
  });

  test('hold back what shares their lease until the last of them has ended', async () => {
    const { destinations } = world();
    const [one, two] = [await destinations.open('k 1'), await destinations.open('k 2')] as Destination[];
    const ends: (() => void)[] = [];
    for (const each of [one, two])
      destinations.forget([each as Destination], new Promise<void>((resolve) => ends.push(resolve)));
    const opened: string[] = [];
    void destinations.open('k 3').then((each) => opened.push(each?.key ?? ''));
    ends[1]?.();
    await settle();
    expect(opened).toEqual([]);
    ends[0]?.();
    await settle();
    expect(opened).toEqual(['k 3']);
  });
});

test('those of a connection, or of a lease, are found, the one that was tried last at the end', async () => {
  const { destinations } = world();
  for (const key of ['contoso/a', 'fabrikam/b', 'contoso/c']) await destinations.open(key);
  const of = (connection: string) => [...destinations.of(connection)].map(({ key }) => key);
  expect([of('contoso'), of('fabrikam'), of('nobody')]).toEqual([['contoso/a', 'contoso/c'], ['fabrikam/b'], []]);
  const first = destinations.get('contoso/a') as Destination;
  destinations.toEnd(first);
  expect(of('contoso')).toEqual(['contoso/c', 'contoso/a']);
  destinations.toEnd({ key: 'contoso/c' } as Destination);
  expect(of('contoso')).toEqual(['contoso/c', 'contoso/a']);
  const lease = { key: 'contoso/a', fence: 9, sinceMs: 0 };
  expect(destinations.ofLease(lease)).toEqual([first]);
});
