import { expect, test } from 'vitest';
import { KeptWorker } from '../../../src/app/workers/kept-worker.ts';
import type { Worker } from '../../../src/app/workers/worker.ts';
import { silentLog } from '../../../src/base/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function startKeptWorker() {
  const clock = new FakeClock();
  const running: ((why: string, cut: number) => void)[] = [];
  let opened = 0;
  let failing = false;
  const kept = new KeptWorker({
    number: 1,
    clock,
    log: silentLog,
    open(ended) {
      opened++;
      if (failing) throw new Error('spawn ENOMEM');
      running.push(ended);
      return { clients: 0, takesClients: false, close: async () => {} } as Partial<Worker> as Worker;
    },
  });
  return {
    ...{ kept, clock },
    opened: () => opened,
    fail(value: boolean): void {
      failing = value;
    },
    end: () => running.at(-1)?.('SIGKILL', 0),
  };
}

/** How long it takes until the worker is restarted. */
async function waitMs({ clock, opened }: ReturnType<typeof startKeptWorker>): Promise<number> {
  const before = opened();
  for (let ms = 250; ms < 200_000; ms += 250) {
    await clock.advance(250);
    if (opened() > before) return ms;
  }
  throw new Error('it is not started again');
}

test('a worker that ends at once is started again after waits that double, up to a minute', async () => {
  const world = startKeptWorker();
  const waits: number[] = [];
  for (let ends = 0; ends < 11; ends++) {
    world.end();
    expect(world.kept.worker).toBeUndefined();
    waits.push(await waitMs(world));
    expect(world.kept.worker).toBeDefined();
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('after a minute of service the first wait is enough again', async () => {
  const world = startKeptWorker();
  for (const expected of [250, 500]) {
    world.end();
    expect(await waitMs(world)).toBe(expected);
  }
  await world.clock.advance(60_000);
  world.end();
  expect(await waitMs(world)).toBe(250);
});

test('a process that cannot be started is tried again likewise', async () => {
  const world = startKeptWorker();
  world.fail(true);
  world.end();
  expect(await waitMs(world)).toBe(250);
  expect(await waitMs(world)).toBe(500);
  world.fail(false);
  expect(await waitMs(world)).toBe(1_000);
  expect(await world.kept.facts()).toEqual({ worker: 1, clients: 0, starts: 4, usage: undefined });
});

test('one that is closed is not started again', async () => {
  const world = startKeptWorker();
  world.end();
  await world.kept.close();
  await world.clock.advance(120_000);
  expect(world.opened()).toBe(1);
});
