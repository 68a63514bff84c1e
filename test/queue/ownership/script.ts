import { expect } from 'vitest';
import { preferredInstance } from '../../../src/queue/ownership/instances.ts';
import { goodNetwork, type Machine, World } from './machines.ts';

const instances = ['a', 'b', 'c'];
const late: Record<string, number> = { late: -60_000, early: 60_000 };

/**
 * Plays a script. Lines with `>` are events: `start a`, `start a 7 min late` (its clock), `mail KEY…`, `pass 2.5 s`,
 * `crash a`, `stop a`, `end a 20 s` (with this grace time), `freeze a`, `wake a`, `cut a` (it cannot reach the store),
 * `join a`, `client a KEY 5 s` (with this patience), `slow 3 s` (how long deliveries take); lines with `=` then hold.
 * All others are exactly what the instances were told since, in any order. A key is named after the instances that
 * prefer it, most preferred first: `ba`; `ba2` is another one.
 */
export async function play(script: string): Promise<void> {
  const player = new Player();
  let expected: string[] = [];
  let done = '';
  const compare = () => {
    expect(player.told(), `after ${done}`).toEqual(expected.toSorted());
    expected = [];
  };
  for (const line of script.split('\n').map((each) => each.trim())) {
    if (line.startsWith('> ')) {
      compare();
      done = line;
      await player.run(line.slice(2).split(' '));
    } else if (line.startsWith('= ')) player.check(line.slice(2));
    else expected.push(line);
  }
  compare();
}

class Player {
  #deliveryMs = 50;
  readonly #world = new World({ ...goodNetwork, deliveryMs: () => this.#deliveryMs });
  readonly #machines = new Map<string, Machine>();
  readonly #clients: string[] = [];

  async run([verb = '', name = '', ...rest]: string[]): Promise<void> {
    const machine = this.#machines.get(name);
    if (verb === 'pass') await this.#world.pass(Number(name) * 1000);
    else if (verb === 'slow') this.#deliveryMs = Number(name) * 1000;
    else if (verb === 'mail') this.#world.accept(...[name, ...rest].map(keyCalled));
    else if (verb === 'start') await this.#start(name, rest);
    else if (!machine) throw new Error(`${name} is not there to ${verb}`);
    else if (verb === 'end') void machine.end(Number(rest[0]) * 1000);
    else if (verb === 'stop') await Promise.all([machine.stop(), this.#world.pass(10)]);
    else if (verb === 'client') this.#client(machine, rest);
    else if (verb === 'cut' || verb === 'join') machine.reach(verb === 'join');
    else if (verb === 'crash' || verb === 'freeze' || verb === 'wake') machine[verb]();
    else throw new Error(`what is ${verb}?`);
  }

  check(line: string): void {
    const [name = '', verb, key = ''] = line.split(' ');
    expect(verb).toBe('holds');
    expect(this.#machines.get(name)?.holds(keyCalled(key)), line).toBe(true);
  }

  told(): string[] {
    const told = [...this.#machines.values()].flatMap((machine) => machine.told.splice(0));
    return [...told, ...this.#clients.splice(0)].map(shortened).toSorted();
  }

  async #start(name: string, [minutes, , which = '']: string[]): Promise<void> {
    const setMs = minutes === undefined ? 0 : Number(minutes) * (late[which] ?? 0);
    const machine = this.#world.machine(name, { setMs });
    this.#machines.set(name, machine);
    await Promise.all([machine.start(), this.#world.pass(300)]);
  }

  #client(machine: Machine, [key = '', seconds]: string[]): void {
    const acquired = machine.ownership.acquire(keyCalled(key), Number(seconds) * 1000);
    void acquired.then((lease) => {
      if (lease) expect(machine.ownership.holds(lease)).toBe(true);
      this.#clients.push(`${machine.name} ${lease ? 'serves' : 'refuses'} a client of ${keyCalled(key)}`);
    });
  }
}

const called = new Map<string, string>();

function keyCalled(name: string): string {
  const known = called.get(name);
  if (known !== undefined) return known;
  const ranking = name.replace(/\d/g, '');
  for (let at = 0; ; at++) {
    const key = `${name}-${at}`;
    if (!rankingOf(key).startsWith(ranking) && ranking.length > 2) continue;
    if (ranking.length === 2 && preferredInstance(key, [...ranking].toSorted()) !== ranking[0]) continue;
    called.set(name, key);
    return key;
  }
}

function rankingOf(key: string): string {
  let left = instances;
  let ranking = '';
  while (left.length > 0) {
    const preferred = preferredInstance(key, left)!;
    ranking += preferred;
    left = left.filter((each) => each !== preferred);
  }
  return ranking;
}

function shortened(line: string): string {
  return line.replace(/-\d+$/, '');
}
