import { describe, expect, test } from 'vitest';
import type { CourierKind } from '../../src/message/courier-kind.ts';
import type { OpenBreaker } from '../../src/queue/breakers/breaker.ts';
import { DirectAdmission, type DirectAdmissionOptions } from '../../src/queue/direct-admission.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { trouble } from './breakers/outage-world.ts';

const key = 'contoso/reports@contoso.example';

/** The admission of a delivery, and a destination that admits everything it is asked. */
function world() {
  const clock = new FakeClock();
  const asked: unknown[] = [];
  const state = {
    isReachable: true,
    /** What the instance gets when it asks for the key. */
    acquired: true,
    holdsLease: true,
    isOpen: true,
    metTrouble: false,
    open: {} as Partial<Record<CourierKind, OpenBreaker>>,
    /** Resolves to open the destination. */
    opened: undefined as (() => void) | undefined,
    acquireMs: 0,
  };
  const destination = {
    get metTrouble() {
      return state.metTrouble;
    },
    admit: async (delivery: unknown, leftMs: number) => {
      asked.push(leftMs);
      return { admitted: true, delivery };
    },
  };
  const options = {
    clock,
    breakers: {
      gate: () => ({
        mayStart: (courier: CourierKind) => state.open[courier] === undefined,
        open: (courier: CourierKind) => state.open[courier],
      }),
    },
    destinations: {
      get: () => (state.isOpen ? destination : undefined),
      open: () => new Promise((resolve) => (state.opened = () => resolve(destination))),
    },
    leases: { leaseOf: () => (state.holdsLease ? {} : undefined) },
    mailWatch: {
      get isReachable() {
        return state.isReachable;
      },
    },
    ownership: {
      acquire: async (acquired: string, patienceMs: number) => {
        asked.push([acquired, patienceMs]);
        if (state.acquireMs > 0) await new Promise<void>((resolve) => clock.after(state.acquireMs, resolve));
        return state.acquired ? {} : undefined;
      },
    },
  };
  const direct = new DirectAdmission(options as unknown as DirectAdmissionOptions);
  const admit = (patienceMs = 30_000, couriers: readonly [CourierKind, ...CourierKind[]] = ['graph', 'smtp']) =>
    direct.admit(
      { connection: 'contoso', mailbox: 'Reports@contoso.example', couriers, recipients: ['b@fabrikam.example'] },
      patienceMs,
    );
  return { clock, state, asked, admit };
}

describe('a delivery that the queue does not hold', () => {
  test('is admitted by its destination, with the patience that is left', async () => {
    const { admit, asked, state, clock } = world();
    expect(await admit()).toMatchObject({ admitted: true });
    expect(asked.splice(0)).toEqual([[key, 30_000], 30_000]);
    state.acquireMs = 10_000;
    const slow = admit();
    await clock.advance(10_000);
    expect(await slow).toMatchObject({ admitted: true });
    expect(asked.splice(0)).toEqual([[key, 30_000], 20_000]);
    const late = admit(4_000);
    await clock.advance(10_000);
    await late;
    expect(asked).toEqual([[key, 4_000], 0]);
  });

  test('is to come again where its destination is another instance’s, or the store is away', async () => {
    const { admit, state, asked } = world();
    state.acquired = false;
    expect(await admit()).toEqual({ admitted: false, retryAfterMs: 1_000 });
    state.acquired = true;
    state.isReachable = false;
    asked.splice(0);
    expect(await admit()).toEqual({ admitted: false, retryAfterMs: 1_000 });
    expect(asked).toEqual([]);
  });

  test.each([
    ['is not open', { isOpen: false }],
    ['is open by another lease', { holdsLease: false }],
  ])('waits until its destination is open that %s', async (_, given) => {
    const { admit, state, asked, clock } = world();
    Object.assign(state, given);
    const admission = admit(5_000);
    await clock.advance(4_000);
    state.opened?.();
    expect(await admission).toMatchObject({ admitted: true });
    expect(asked.at(-1)).toBe(1_000);
  });

  test.each([
    [5_000, 5_000],
    [0, 1_000],
  ])('with patience for %d ms waits %d ms for that', async (patienceMs, waitedMs) => {
    const { admit, state, clock } = world();
    state.isOpen = false;
    const ends: unknown[] = [];
    void admit(patienceMs).then((end) => ends.push(end));
    await clock.advance(waitedMs - 1);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual([{ admitted: false, retryAfterMs: 1_000 }]);
  });
});

describe('a connection in trouble', () => {
  const graph = (isSure: boolean, nextProbeAtMs: number): OpenBreaker => ({
    trouble: { ...trouble('graph', 'upstream-unreachable', 'ECONNREFUSED'), isSure },
    sinceMs: 0,
    nextProbeAtMs,
    failures: 1,
  });

  test('refuses it at once, until the next probe', async () => {
    const { admit, state, clock, asked } = world();
    state.open = { graph: graph(true, clock.now() + 7_000), smtp: graph(true, clock.now() + 9_000) };
    const refused = await admit();
    expect(refused).toMatchObject({ admitted: false, retryAfterMs: 7_000, trouble: { code: 'upstream-unreachable' } });
    expect(asked).toEqual([]);
    state.open = { graph: graph(true, clock.now() - 1) };
    expect(await admit(0, ['graph'])).toMatchObject({ admitted: false, retryAfterMs: 1_000 });
  });

  test('refuses nothing as long as one of the couriers may begin', async () => {
    const { admit, state } = world();
    state.open = { graph: graph(true, 0) };
    expect(await admit()).toMatchObject({ admitted: true });
    state.open = { smtp: graph(true, 0) };
    expect(await admit()).toMatchObject({ admitted: true });
  });

  test('that may be that of other mailboxes alone refuses those that have met it', async () => {
    const { admit, state } = world();
    state.open = { graph: graph(false, 0) };
    expect(await admit(0, ['graph'])).toMatchObject({ admitted: true });
    state.metTrouble = true;
    expect(await admit(0, ['graph'])).toMatchObject({ admitted: false });
  });

  test('that began while it waited for its destination refuses it as well', async () => {
    const { admit, state, clock, asked } = world();
    state.acquireMs = 1_000;
    const admission = admit(5_000, ['graph']);
    await clock.advance(500);
    state.open = { graph: graph(true, clock.now() + 7_000) };
    await clock.advance(500);
    expect(await admission).toMatchObject({ admitted: false, retryAfterMs: 6_500 });
    expect(asked).toEqual([[key, 5_000]]);
  });
});
