import { describe, expect, test } from 'vitest';
import type { LeaseTable } from '../../../src/queue/ownership/lease.ts';

/** A store with leases, as the contract needs it. */
export interface LeaseStore {
  /** The table as the instance with that name sees it. */
  table(self: string): LeaseTable;
  /** Lets this much time pass for the store. */
  pass(ms: number): Promise<void>;
}

/** Long enough for a slow store, short enough to wait for. */
const leaseMs = 1_500;

/** What every store with leases must do. */
export function leaseContract(name: string, open: () => Promise<LeaseStore>): void {
  describe(`leases of ${name}`, () => {
    async function two(): Promise<LeaseStore & { readonly a: LeaseTable; readonly b: LeaseTable }> {
      const store = await open();
      const [a, b] = [store.table('a'), store.table('b')];
      await a.renew(leaseMs);
      await b.renew(leaseMs);
      return { table: (self) => store.table(self), pass: (ms) => store.pass(ms), a, b };
    }

    test('instances are those that renew, sorted, and one that leaves is none', async () => {
      const { a, b } = await two();
      expect((await a.renew(leaseMs)).instances).toEqual(['a', 'b']);
      await b.leave();
      expect(await a.renew(leaseMs)).toEqual({ instances: ['a'], held: [], requested: [] });
    });

    test('one that retires is none that takes anything, and what it has is its own until it gives it up', async () => {
      const { a, b } = await two();
      const [lease, other] = await a.claim(['k', 'l'], 0);
      const [asked] = await b.claim(['m'], 0);
      await a.request('m');
      await a.retire();
      expect(await b.renew(leaseMs)).toEqual({ instances: ['b'], held: [asked], requested: [] });
      const { instances, held } = await a.renew(leaseMs);
      expect([instances, held]).toEqual([['b'], expect.arrayContaining([lease, other])]);
      expect(await b.claim(['k', 'l'], 0)).toEqual([]);
      await a.release([{ lease: lease! }]);
      expect(await b.claim(['k', 'l'], 0)).toHaveLength(1);
      // Nothing is kept for it.
      await b.release([{ lease: asked!, to: 'a' }]);
      expect(await b.claim(['m'], 0)).toHaveLength(1);
      await a.leave();
      expect(await b.claim(['l'], 0)).toHaveLength(1);
    });

    test('a key has one owner, and a claim by another wins nothing', async () => {
      const { a, b } = await two();
      const won = await a.claim(['k', 'l'], 1_000);
      expect(won.map(({ key, sinceMs }) => ({ key, sinceMs })).toSorted((x, y) => x.key.localeCompare(y.key))).toEqual([
        { key: 'k', sinceMs: 1_000 },
        { key: 'l', sinceMs: 1_000 },
      ]);
      expect(await b.claim(['k'], 2_000)).toEqual([]);
      expect((await b.renew(leaseMs)).held).toEqual([]);
      expect((await a.renew(leaseMs)).held).toEqual(expect.arrayContaining([...won]));
    });

    test('of many keys a claim wins those that are free', async () => {
      const { a, b } = await two();
      await a.claim(['k1', 'k3'], 0);
      const won = await b.claim(['k1', 'k2', 'k3', 'k4'], 0);
      expect(won.map(({ key }) => key).toSorted()).toEqual(['k2', 'k4']);
    });

    test('of two claims at the same time one wins each key', async () => {
      const { a, b } = await two();
      const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
      const won = (await Promise.all([a.claim(keys, 0), b.claim(keys.toReversed(), 0)])).flat();
      expect(won.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    });

    test('a released key is free, and its fence grows with the next owner', async () => {
      const { a, b } = await two();
      const [lease] = await a.claim(['k'], 0);
      await a.release([{ lease: lease! }]);
      const [next] = await b.claim(['k'], 0);
      expect(next!.fence).toBeGreaterThan(lease!.fence);
    });

    test('a release of an earlier lease changes nothing', async () => {
      const { a, b } = await two();
      const [lease] = await a.claim(['k'], 0);
      await a.release([{ lease: lease! }]);
      const [again] = await a.claim(['k'], 0);
      await a.release([{ lease: lease! }]);
      expect(await b.claim(['k'], 0)).toEqual([]);
      expect((await a.renew(leaseMs)).held).toEqual([again]);
    });

    test('what is handed over to one instance another cannot claim', async () => {
      const { table, a, b } = await two();
      const c = table('c');
      await c.renew(leaseMs);
      const [lease] = await a.claim(['k'], 0);
      await a.release([{ lease: lease!, to: 'b' }]);
      expect(await c.claim(['k'], 0)).toEqual([]);
      expect(await a.claim(['k'], 0)).toEqual([]);
      expect(await b.claim(['k'], 0)).toHaveLength(1);
    });

    test('when it is not taken in time, everybody can', async () => {
      const { pass, a, b } = await two();
      const [lease] = await a.claim(['k'], 0);
      await a.release([{ lease: lease!, to: 'b' }]);
      await pass(leaseMs * 1.2);
      await a.renew(leaseMs);
      await b.renew(leaseMs);
      expect(await a.claim(['k'], 0)).toHaveLength(1);
    });

    test('when the one that it is meant for lives no more, everybody can', async () => {
      const { pass, a, b } = await two();
      await pass(leaseMs * 0.6);
      await a.renew(leaseMs);
      const [lease] = await a.claim(['k'], 0);
      await a.release([{ lease: lease!, to: 'b' }]);
      expect(await a.claim(['k'], 0)).toEqual([]);
      await pass(leaseMs * 0.6);
      await a.renew(leaseMs);
      expect(await a.claim(['k'], 0)).toHaveLength(1);
      const [other] = await a.claim(['l'], 0);
      await b.renew(leaseMs);
      await a.release([{ lease: other!, to: 'b' }]);
      await b.leave();
      expect(await a.claim(['l'], 0)).toHaveLength(1);
    });

    test('the owner hears who asks for a key, until another has it', async () => {
      const { a, b } = await two();
      const lease = (await a.claim(['k', 'l'], 0)).find(({ key }) => key === 'k');
      await b.request('k');
      expect((await b.renew(leaseMs)).requested).toEqual([]);
      expect((await a.renew(leaseMs)).requested).toEqual([{ key: 'k', by: 'b' }]);
      await a.release([{ lease: lease!, to: 'b' }]);
      expect((await a.renew(leaseMs)).requested).toEqual([]);
      await b.claim(['k'], 0);
      expect((await b.renew(leaseMs)).requested).toEqual([]);
    });

    test('an instance that leaves gives up everything, and others win it at once', async () => {
      const { a, b } = await two();
      const [lease] = await a.claim(['k'], 0);
      await a.leave();
      const [next] = await b.claim(['k'], 0);
      expect(next!.fence).toBeGreaterThan(lease!.fence);
    });

    test('an instance that does not renew loses its leases to whoever claims them', async () => {
      const { pass, a, b } = await two();
      const [lease, other] = await a.claim(['k', 'l'], 0);
      await pass(leaseMs * 1.2);
      expect((await b.renew(leaseMs)).instances).toEqual(['b']);
      const [next] = await b.claim([lease!.key], 0);
      expect(next!.fence).toBeGreaterThan(lease!.fence);
      const back = await a.renew(leaseMs);
      expect(back.instances).toEqual(['a', 'b']);
      // What nobody has claimed is still its own.
      expect(back.held).toEqual([other]);
    });

    test('an instance that renews keeps its leases', async () => {
      const { pass, a, b } = await two();
      const won = await a.claim(['k'], 0);
      for (let beat = 0; beat < 3; beat++) {
        await pass(leaseMs * 0.6);
        expect((await a.renew(leaseMs)).held).toEqual(won);
        await b.renew(leaseMs);
        expect(await b.claim(['k'], 0)).toEqual([]);
      }
    });
  });
}
