import { expect, onTestFinished, test } from 'vitest';
import { Attack } from '../../bench/hostile/attack.ts';
import { HonestClients } from '../../bench/hostile/honest.ts';
import { startHostileWorld } from '../../bench/hostile/world.ts';

const hostile = ['127.0.0.2', '127.0.0.3'];
const each = 12;
const maxGrowthBytes = 100 * 1024 * 1024;

// It counts sockets in /proc/net/tcp.
test.skipIf(process.platform !== 'linux')(
  'hostile clients on every port keep nobody out, fill no memory, and leave no socket behind',
  { timeout: 180_000 },
  async () => {
    const world = await startHostileWorld();
    onTestFinished(() => world.close());
    const honest = new HonestClients(world, '127.0.0.200');
    await honest.round();
    const before = world.memory().now;
    const attack = new Attack(world.ports, hostile, each);
    onTestFinished(() => attack.stop('destroy'));
    while (attack.connections < Object.keys(world.ports).length * hostile.length * each) await honest.round();
    for (let round = 0; round < 3; round++) await honest.round();
    expect(honest.failures).toEqual([]);
    expect(world.memory().now - before).toBeLessThan(maxGrowthBytes);
    attack.stop('destroy');
    while (world.socketsTo(hostile) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  },
);
