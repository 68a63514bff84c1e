import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { postgresForTests } from '../../../support/postgres.ts';
import { newMessage, put } from '../store-contract.ts';
import { newSchema, openInstance, openStore } from './opening.ts';

// A caller that does not ask for it waits for no flush, and a crash loses the last ten seconds.
const server = postgresForTests({
  synchronous_commit: 'off',
  wal_writer_delay: '10000ms',
  wal_writer_flush_after: '1GB',
  wal_buffers: '16MB',
});
const now = 1_800_000_000_000;

test('what was answered is there after a crash, whatever the setting of the role', { timeout: 120_000 }, async () => {
  const place = { url: server().url(), schema: newSchema(), poolSize: 4 };
  const writes = [
    async () => {
      const store = await openStore(place);
      const { id } = await put(store, 'x');
      return async () => expect((await buffer(await (await openStore(place)).open(id))).toString()).toBe('x');
    },
    async () => {
      const store = await openStore(place);
      const { id } = await put(store, Buffer.alloc(600_000, 'y'));
      return async () => expect((await buffer(await (await openStore(place)).open(id))).length).toBe(600_000);
    },
    async () => {
      const store = await openStore(place);
      const message = await put(store, 'x');
      await store.record(message.id, {
        attempt: { startedAtMs: now, durationMs: 1, outcomes: [] },
        ...({ recipients: message.recipients, state: 'delivered', nextAttemptAtMs: now } as const),
      });
      return async () => expect((await (await openStore(place)).get(message.id))?.state).toBe('delivered');
    },
    // Only the server goes down: the bridge that makes the attempt may die afterwards, and another has to know of it.
    async () => {
      const store = await openStore(place);
      const { id } = await put(store, 'x');
      await store.begin(id, { courier: 'smtp', startedAtMs: now });
      return async () =>
        expect((await (await openStore(place)).get(id))?.unfinished).toEqual({ courier: 'smtp', startedAtMs: now });
    },
    async () => {
      const store = await openStore(place);
      const message = await put(store, 'x');
      await store.giveUp(message.id, {
        ...{ recipients: message.recipients, finishedAtMs: now },
        bounces: [{ message: newMessage({ account: 'bounced' }), content: Buffer.from('sorry') }],
      });
      return async () => expect(await (await openStore(place)).list({ account: 'bounced' }, 2)).toHaveLength(1);
    },
    async () => {
      const store = await openStore(place);
      await put(store, 'x', { account: 'held' });
      await store.hold({ account: 'held' });
      return async () => expect((await (await openStore(place)).list({ account: 'held' }, 1))[0]?.state).toBe('held');
    },
    async () => {
      const { records } = await openStore(place);
      await records.put('kind', 'key', 'value');
      return async () => expect(await (await openStore(place)).records.get('kind', 'key', now)).toBeDefined();
    },
    async () => {
      const { leases } = await openInstance('a', place, 'folder');
      await leases.renew(60_000);
      const [lease] = await leases.claim(['x'], now);
      return async () => {
        const again = (await openInstance('a', place, 'folder')).leases;
        await again.renew(60_000);
        expect((await again.claim(['x'], now))[0]?.fence).toBeGreaterThan(lease?.fence ?? 0);
      };
    },
  ];
  for (const write of writes) {
    const check = await write();
    await server().kill();
    await server().run();
    await check();
  }
});
