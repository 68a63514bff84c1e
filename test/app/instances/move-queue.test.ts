import { expect, test, vi } from 'vitest';
import { moveConfiguredQueue } from '../../../src/app/instances/move-queue.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { Config } from '../../../src/config/schema.ts';
import type { MovableStore } from '../../../src/queue/transfer/transfer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const renew = vi.hoisted(() => vi.fn<() => Promise<unknown>>());
vi.mock('../../../src/app/queue-store.ts', () => ({
  hasQueue: () => true,
  openStoreToMove: async (): Promise<Partial<MovableStore>> => ({
    leases: { renew, leave: () => Promise.reject(new Error('the session has ended')) } as never,
    close: async () => {},
  }),
}));

test.each([
  ['the database', () => Promise.reject(new Error('no room')), 'no room'],
  ['a bridge', async () => ({ instances: ['mail-2'] }), 'The instance mail-2 is running'],
])('what keeps a queue from being moved is told, %s, also where the mover cannot leave', async (_, answer, why) => {
  renew.mockImplementation(answer);
  const config = { dataDir: temporaryFolder(), queue: { store: 'sqlite', postgres: {} } } as unknown as Config;
  const moving = moveConfiguredQueue(config, 'postgres', { clock: systemClock, log: silentLog, env: {} });
  await expect(moving).rejects.toThrow(why);
});
