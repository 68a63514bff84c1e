import { expect, test } from 'vitest';
import { preferredInstance } from '../../../src/queue/ownership/instances.ts';
import type { Lease } from '../../../src/queue/ownership/lease.ts';
import { seededRandom } from '../../support/random.ts';
import { type Machine, World } from './machines.ts';

/** OWNERSHIP_SEED=7 plays one, OWNERSHIP_SEEDS=1000 that many. */
const { OWNERSHIP_SEED, OWNERSHIP_SEEDS = '40' } = process.env;
const first = OWNERSHIP_SEED === undefined ? 1 : Number(OWNERSHIP_SEED);
const seeds = Array.from({ length: OWNERSHIP_SEED === undefined ? Number(OWNERSHIP_SEEDS) : 1 }, (_, at) => first + at);

const stormMs = 180_000;
const mostMachines = 4;

/** Machines that come, go, crash, freeze and lose the store at random, with checks of what must always hold. */
class Storm {
  readonly world: World;
  readonly random: () => number;
  readonly keys = Array.from({ length: 12 }, (_, at) => `contoso/m${at}@contoso.com`);
  readonly #fences = new Map<string, number>();
  readonly #seen = new Map<Machine, number>();
  #isCalm = false;
  #names = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const { random } = this;
    const speed = 1 + 200 * random() ** 3;
    this.world = new World({
      delayMs: () => (this.#isCalm ? 3 : 1 + speed * random() * (random() < 0.02 ? 30 : 1)),
      notices: () => (this.#isCalm ? 1 : [0, 1, 1, 1, 2][Math.floor(random() * 5)]!),
      failureMs: () => (random() < 0.5 ? 10 : 5_000 * random()),
      deliveryMs: () => (random() < 0.8 ? 20 : 3_000 * random()),
    });
    this.world.watch = () => this.#watch();
  }

  get running(): Machine[] {
    return this.world.machines.filter((each) => each.isRunning);
  }

  async rage(): Promise<void> {
    while (this.world.nowMs < stormMs) {
      this.#act();
      await this.world.pass(this.random() * 4_000);
    }
  }

  /** Makes everything work again. */
  calm(): void {
    this.#isCalm = true;
    if (this.running.length === 0) this.#join();
    for (const each of this.running) {
      each.wake();
      each.reach(true);
    }
  }

  #act(): void {
    const { random, world } = this;
    const machine = this.#any(this.running);
    const chance = random();
    if (!machine || (chance < 0.12 && this.running.length < mostMachines)) this.#join();
    else if (chance < 0.14) void machine.stop();
    else if (chance < 0.16) void machine.end(random() * 5_000);
    else if (chance < 0.22) machine.crash();
    else if (chance < 0.34) this.#freeze(machine);
    else if (chance < 0.44) this.#cut([machine]);
    else if (chance < 0.47) this.#cut(this.running);
    else if (chance < 0.52) machine.setClock((random() - 0.5) * 600_000);
    else if (chance < 0.66) void machine.ownership.acquire(this.#any(this.keys)!, random() * 6_000);
    else if (chance < 0.7) world.mail.delete(this.#any(this.keys)!);
    else world.accept(this.#any(this.keys)!);
  }

  #join(): void {
    const setMs = (this.random() - 0.5) * 600_000;
    const machine = this.world.machine(`i${this.#names++}`, { setMs, drift: (this.random() - 0.5) * 4e-4 });
    // A machine that finds no store gives up, and is started again.
    machine.start().catch(() => {
      machine.crash();
      if (this.#isCalm) this.#join();
    });
  }

  #freeze(machine: Machine): void {
    machine.freeze();
    this.world.at(this.random() * (this.random() < 0.3 ? 60_000 : 12_000), () => machine.wake());
  }

  #cut(machines: readonly Machine[]): void {
    for (const each of machines) each.reach(false);
    this.world.at(this.random() * (this.random() < 0.3 ? 40_000 : 10_000), () => {
      for (const each of machines) each.reach(true);
    });
  }

  #any<Each>(all: readonly Each[]): Each | undefined {
    return all[Math.floor(this.random() * all.length)];
  }

  #watch(): void {
    for (const key of this.keys) {
      const holders = this.running.filter((each) => each.holds(key)).map(({ name }) => name);
      if (holders.length > 1) throw new Error(`${holders} hold ${key} at ${this.world.nowMs}`);
    }
    for (const each of this.world.machines) {
      const seen = this.#seen.get(each) ?? 0;
      if (each.had.length === seen) continue;
      for (const lease of each.had.slice(seen)) this.#gained(each, lease);
      this.#seen.set(each, each.had.length);
    }
  }

  #gained({ name }: Machine, { key, fence }: Lease): void {
    const latest = this.#fences.get(key) ?? 0;
    if (fence <= latest) throw new Error(`${name} has gained ${key} with fence ${fence} after ${latest}`);
    this.#fences.set(key, fence);
  }
}

test.each(seeds)('whatever happens, a mailbox has one owner; seed %i', async (seed) => {
  const storm = new Storm(seed);
  const { world } = storm;
  await storm.rage();
  storm.calm();
  await world.pass(14_000);
  const owned = new Set<string>();
  // One may be on its way now.
  for (let time = 0; time < 5; time++) {
    await world.pass(200);
    for (const key of world.mail) if (storm.running.some((each) => each.holds(key))) owned.add(key);
  }
  expect([...world.mail].filter((key) => !owned.has(key))).toEqual([]);
  // Clients may have waited until 6 s later; what one was given stays for 30 s.
  await world.pass(27_000);
  const names = storm.running.map(({ name }) => name).toSorted();
  for (const key of world.mail) {
    const owner = storm.running.find((each) => each.holds(key));
    expect(owner?.name, `owner of ${key} in the end`).toBe(preferredInstance(key, names));
    expect(owner?.has.get(key), `what the owner of ${key} was told`).toBe(owner?.ownership.leaseOf(key));
  }
  const { moves } = world.leases;
  await world.pass(120_000);
  expect(world.leases.moves).toBe(moves);
});
