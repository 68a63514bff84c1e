import { describe, expect, test } from 'vitest';
import type { ConnectionTrouble } from '../../../src/message/delivery.ts';
import { Breaker, type BreakerOptions } from '../../../src/queue/breakers/breaker.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { trouble } from './outage-world.ts';

const down = trouble('graph', 'upstream-unreachable', 'ECONNREFUSED');
const ofMailbox = { ...down, isSure: false };

/** A breaker, what it reports, and probes that the test answers. */
function world(overrides: Partial<BreakerOptions> = {}) {
  const clock = new FakeClock();
  const probes: { readonly atMs: number; answer(trouble?: ConnectionTrouble): void }[] = [];
  const told = { opened: 0, stillOpen: 0, closed: 0, room: 0 };
  const breaker = new Breaker({
    clock,
    random: () => 0.9999999,
    probe: () => new Promise((answer) => probes.push({ atMs: clock.now(), answer })),
    isProvenByProbe: true,
    onOpen: (isNew) => (isNew ? told.opened++ : told.stillOpen++),
    onClosed: () => told.closed++,
    onRoom: () => told.room++,
    ...overrides,
  });
  /** Begins as many attempts as may be under way at once. */
  const fill = (most = 200) => {
    const periods: number[] = [];
    while (breaker.mayStart && periods.length < most) periods.push(breaker.begin());
    return periods;
  };
  const end = (periods: readonly number[], how: 'works' | 'unknown' | ConnectionTrouble = 'works', mailbox = 'a@x') =>
    periods.map((period) => breaker.ended(period, mailbox, how));
  return { clock, probes, told, breaker, fill, end };
}

describe('attempts of a connection of which nothing is known', () => {
  test('are sixteen at a time until one works, then four times as many, and no more than that are counted', () => {
    const { breaker, fill, end } = world();
    const first = fill();
    expect(first).toHaveLength(16);
    end(first.slice(0, 1));
    expect(breaker.mayStart).toBe(true);
    expect(fill()).toHaveLength(200);
  });

  test('that show nothing give their permits back, however many they are', () => {
    const { fill, end, told } = world();
    for (let round = 0; round < 5; round++) {
      const begun = fill();
      expect(begun).toHaveLength(16);
      end(begun, 'unknown');
    }
    expect(told.room).toBe(80);
  });

  test('with a mailbox that is in trouble give theirs back, too, and the next may begin', () => {
    const { breaker, fill, end, told } = world();
    for (let round = 0; round < 5; round++) expect(end(fill(), ofMailbox, 'A@x')).not.toContain(true);
    expect(told.room).toBe(80);
    expect(end(fill(1), ofMailbox, 'a@X')).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'b@x')).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'c@x')).toEqual([true]);
    expect(breaker.state).toBe('open');
    expect(told.opened).toBe(1);
  });

  test('two mailboxes in trouble are forgotten when another one works', () => {
    const { fill, end, breaker } = world();
    end(fill(1), ofMailbox, 'a@x');
    end(fill(1), ofMailbox, 'b@x');
    end(fill(1), 'works', 'c@x');
    end(fill(1), ofMailbox, 'd@x');
    end(fill(1), ofMailbox, 'e@x');
    expect(breaker.state).toBe('closed');
  });
});

describe('a mailbox whose trouble went on when others delivered', () => {
  /** A breaker that three mailboxes have opened, and that a delivery of another one has closed. */
  async function closedByAnother() {
    const { breaker, fill, end, clock, probes } = world({ isProvenByProbe: false });
    for (const mailbox of ['A@x', 'b@x', 'c@x']) end(fill(1), ofMailbox, mailbox);
    await clock.advance(1_000);
    probes[0]?.answer();
    await clock.advance(0);
    end(fill(1), 'works', 'd@x');
    expect(breaker.state).toBe('closed');
    return { breaker, fill, end };
  }

  test('proves nothing any more: three others have to be in trouble', async () => {
    const { breaker, fill, end } = await closedByAnother();
    for (const mailbox of ['a@X', 'b@x', 'c@x', 'e@x', 'f@x'])
      expect(end(fill(1), ofMailbox, mailbox)).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'g@x')).toEqual([true]);
    expect(breaker.state).toBe('open');
  });

  test('proves something again once it has delivered itself', async () => {
    const { fill, end } = await closedByAnother();
    end(fill(1), 'works', 'a@X');
    expect(end(fill(1), ofMailbox, 'A@x')).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'e@x')).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'f@x')).toEqual([true]);
  });

  test('is none where the trouble was the connection’s for certain, or ended by itself', async () => {
    const { breaker, fill, end, clock, probes } = world({ isProvenByProbe: false });
    for (const mailbox of ['a@x', 'b@x']) end(fill(1), ofMailbox, mailbox);
    end(fill(1), down, 'c@x');
    await clock.advance(1_000);
    probes[0]?.answer();
    await clock.advance(0);
    end(fill(1), 'works', 'd@x');
    for (const mailbox of ['a@x', 'b@x']) expect(end(fill(1), ofMailbox, mailbox)).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'c@x')).toEqual([true]);
    expect(breaker.state).toBe('open');
  });
});

describe('an open breaker', () => {
  test('lets nothing begin, says how often it has failed and when it looks again, and closes when a probe works', async () => {
    const { breaker, fill, end, clock, probes, told } = world();
    const sinceMs = clock.now();
    end(fill(1), down);
    expect(fill()).toEqual([]);
    expect(breaker.open).toEqual({ trouble: down, sinceMs, nextProbeAtMs: sinceMs + 1000, failures: 1 });
    await clock.advance(1000);
    expect(breaker.state).toBe('probing');
    const later = { ...down, text: 'ETIMEDOUT' };
    probes[0]?.answer(later);
    await clock.advance(0);
    expect(breaker.open).toEqual({ trouble: later, sinceMs, nextProbeAtMs: sinceMs + 3000, failures: 2 });
    expect(breaker.state).toBe('open');
    expect(told).toMatchObject({ opened: 1, stillOpen: 1, closed: 0 });
    await clock.advance(2000);
    probes[1]?.answer();
    await clock.advance(0);
    expect(breaker.open).toBeUndefined();
    expect(breaker.state).toBe('closed');
    expect(told.closed).toBe(1);
    expect(fill()).toHaveLength(4);
    await clock.advance(3_600_000);
    expect(probes).toHaveLength(2);
  });

  test('believes neither success nor trouble of attempts that began before', () => {
    const { breaker, fill, end } = world();
    const before = fill(3);
    end(before.slice(0, 1), down);
    expect(end(before.slice(1, 2), 'works')).toEqual([false]);
    expect(breaker.state).toBe('open');
    expect(end(before.slice(2), ofMailbox)).toEqual([true]);
    expect(breaker.open?.failures).toBe(1);
  });

  test('that is asked while it probes probes once more, soon, and not more often', async () => {
    const { breaker, fill, end, clock, probes } = world();
    end(fill(1), down);
    for (let i = 0; i < 6; i++) {
      await clock.advance(27_000);
      probes.at(-1)?.answer(down);
    }
    await clock.advance(27_000);
    const count = probes.length;
    breaker.probeNow();
    breaker.probeNow();
    expect(probes).toHaveLength(count);
    probes.at(-1)?.answer(down);
    await clock.advance(2000);
    expect(probes).toHaveLength(count + 1);
    probes.at(-1)?.answer(down);
    await clock.advance(20_000);
    expect(probes).toHaveLength(count + 1);
  });

  test('that is asked soon after a probe waits two seconds, but not until a clock that was set back has caught up', async () => {
    const { breaker, fill, end, clock, probes } = world();
    end(fill(1), down);
    for (let i = 0; i < 6; i++) {
      await clock.advance(27_000);
      probes.at(-1)?.answer(down);
    }
    await clock.advance(0);
    const count = probes.length;
    await clock.advance(500);
    breaker.probeNow();
    expect(probes).toHaveLength(count);
    clock.set(-3_600_000);
    breaker.probeNow();
    expect(probes).toHaveLength(count + 1);
  });

  test('asks nothing more after the bridge has stopped, whatever a probe says', async () => {
    const { breaker, fill, end, clock, probes, told } = world();
    end(fill(1), down);
    await clock.advance(1000);
    breaker.stop();
    probes[0]?.answer(down);
    await clock.advance(3_600_000);
    expect(probes).toHaveLength(1);
    expect(told).toMatchObject({ opened: 1, stillOpen: 0, closed: 0 });
  });
});

describe('the wait for a probe', () => {
  const waitMs = (breaker: Breaker, clock: FakeClock) => (breaker.open?.nextProbeAtMs ?? 0) - clock.now();

  test.each([
    [0, 800],
    [0.5, 900],
  ])('differs between connections: with a random %d it is %d ms', (random, ms) => {
    const { breaker, fill, end, clock } = world({ random: () => random });
    end(fill(1), down);
    expect(waitMs(breaker, clock)).toBe(ms);
  });

  test.each([
    [500, 1_000],
    [60_000, 60_000],
    [3_600_000, 300_000],
  ])('is what the other side asks for, five minutes at most: of %d ms %d', (retryAfterMs, ms) => {
    const { breaker, fill, end, clock } = world();
    end(fill(1), { ...down, retryAfterMs });
    expect(waitMs(breaker, clock)).toBe(ms);
  });

  test('begins with the shortest again once something has worked', async () => {
    const { breaker, fill, end, clock, probes } = world({ isProvenByProbe: false });
    for (let time = 0; time < 2; time++) {
      end(fill(1), down);
      await clock.advance(1_000);
      probes[time]?.answer();
      await clock.advance(0);
      end(fill(1), 'works', 'd@x');
    }
    end(fill(1), down);
    expect([breaker.open?.failures, waitMs(breaker, clock)]).toEqual([1, 1_000]);
  });

  test('is over when the bridge stops', async () => {
    const { breaker, fill, end, clock, probes } = world();
    end(fill(1), down);
    breaker.stop();
    await clock.advance(60_000);
    expect(probes).toEqual([]);
  });
});

describe('a breaker that a probe has closed', () => {
  async function closed() {
    const all = world();
    for (const mailbox of ['a@x', 'b@x']) all.end(all.fill(1), ofMailbox, mailbox);
    expect(all.end(all.fill(1), down, 'c@x')).toEqual([true]);
    await all.clock.advance(1_000);
    all.told.room = 0;
    all.probes[0]?.answer();
    await all.clock.advance(0);
    return all;
  }

  test('lets four attempts begin, says so, and lets in four times as many with each that works', async () => {
    const { fill, end, told } = await closed();
    expect(told).toMatchObject({ closed: 1, room: 1 });
    const first = fill();
    expect(first).toHaveLength(4);
    expect(end(first.slice(0, 1))).toEqual([false]);
    expect(told.room).toBe(2);
    const second = fill();
    expect(second).toHaveLength(13);
    expect(end(second.slice(0, 1), 'unknown')).toEqual([false]);
    expect(fill()).toHaveLength(1);
    end(second.slice(1, 2));
    expect(fill()).toHaveLength(200);
  });

  test('has forgotten which mailboxes were in trouble before', async () => {
    const { breaker, fill, end } = await closed();
    expect(end(fill(1), ofMailbox, 'd@x')).toEqual([false]);
    expect(end(fill(1), ofMailbox, 'e@x')).toEqual([false]);
    expect(breaker.state).toBe('closed');
  });
});

describe('where a probe alone proves nothing', () => {
  async function tried() {
    const parts = world({ isProvenByProbe: false });
    parts.end(parts.fill(1), down);
    await parts.clock.advance(1000);
    parts.probes[0]?.answer();
    await parts.clock.advance(0);
    return parts;
  }

  test('one attempt shows that the trouble is over', async () => {
    const { breaker, fill, end, told } = await tried();
    expect(breaker.state).toBe('probing');
    expect(told.room).toBe(1);
    const one = fill();
    expect(one).toHaveLength(1);
    end(one);
    expect(breaker.state).toBe('closed');
    expect(told.closed).toBe(1);
  });

  test('an attempt that fails opens it again, and the next wait is longer', async () => {
    const { breaker, fill, end, clock } = await tried();
    expect(end(fill(), ofMailbox)).toEqual([true]);
    expect(breaker.open).toMatchObject({ failures: 2, nextProbeAtMs: clock.now() + 2000 });
  });

  test('an attempt that takes ten seconds lets another one begin', async () => {
    const { fill, clock, told } = await tried();
    expect(fill()).toHaveLength(1);
    await clock.advance(9999);
    expect(fill()).toHaveLength(0);
    await clock.advance(1);
    expect(told.room).toBe(2);
    expect(fill()).toHaveLength(1);
    await clock.advance(10_000);
    expect(fill()).toHaveLength(1);
  });

  test('and nothing is there to be attempted, it closes after ten seconds', async () => {
    const { breaker, clock } = await tried();
    await clock.advance(9999);
    expect(breaker.state).toBe('probing');
    await clock.advance(1);
    expect(breaker.state).toBe('closed');
  });
});
