import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { type CourierName, couriers, until } from '../support/relay.ts';
import { sendMarked, twoWays } from '../support/two-ways.ts';

/** `CUTS=1000` for a long run, `CUT_SEED` to repeat a run. */
const cuts = Number(process.env.CUTS ?? 100);
const seed = Number(process.env.CUT_SEED ?? randomInt(2 ** 31));

const kinds = ['cut-before', 'cut-reading', 'cut-after', 'cut-answering'] as const;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test(`${cuts} random cuts of either side: nothing is lost, and nothing comes twice (seed ${seed})`, async () => {
  console.log(`seed ${seed}`);
  const world = await twoWays({ failoverAfterSeconds: 2 });
  const { faults } = world.simulator;
  const accepted: string[] = [];
  const met: Record<CourierName, number> = { graph: 0, smtp: 0 };
  let outages = 0;
  const isOver = () => met.graph + met.smtp + outages >= cuts;
  const load = couriers.flatMap((courier) =>
    [1, 2].map(async (client) => {
      const dialogue = await world.login(courier);
      for (let number = 0; !isOver(); number++) {
        accepted.push(await sendMarked(dialogue, `cut-${courier}-${client}-${number}`));
        await sleep(20);
      }
      dialogue.destroy();
    }),
  );
  const random = seededRandom(seed);
  const one = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  while (!isOver()) {
    const inUse = world.simulator.transport.journal.entries().slice(-10);
    const target = one(inUse.length > 0 ? inUse.map(({ via }) => via) : couriers);
    if (random() < 0.06) {
      faults.outages = [target];
      await sleep(200 + 1000 * random());
      faults.outages = [];
      outages++;
      continue;
    }
    faults.add({ target, at: target === 'graph' ? 'sendMail' : 'data', kind: one(kinds) });
    // If mail is sent by the other courier by then, the cut is never met.
    if (await until('the cut to be met', () => faults.list().length === 0, 200).catch(() => false)) met[target]++;
    faults.clear();
    await sleep(40 * random());
  }
  await Promise.all(load);
  faults.clear();
  await until('the queue to be empty', world.isQueueEmpty, 90_000);
  console.log(
    `${accepted.length} messages, cut ${met.graph} times at Graph and ${met.smtp} at SMTP, ${outages} outages`,
  );
  expect(world.wrong(accepted)).toEqual({ lost: [], twice: [] });
  expect(Math.min(met.graph, met.smtp)).toBeGreaterThan(cuts / 50);
}, 180_000);
