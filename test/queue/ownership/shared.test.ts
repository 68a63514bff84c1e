import { describe, expect, test } from 'vitest';
import { preferredInstance } from '../../../src/queue/ownership/instances.ts';
import { goodNetwork, World } from './machines.ts';
import { play } from './script.ts';

describe('several instances of one store', () => {
  test.each([
    [
      'one instance owns all that has mail',
      `> mail ab ba
       > start a
       a gains ab
       a gains ba`,
    ],
    [
      'mail that comes later is owned at once',
      `> start a
       > mail ab
       > pass 0.1 s
       a gains ab`,
    ],
    [
      'two instances share, as the mailboxes prefer them',
      `> start a
       > start b
       > mail ab ba
       > pass 0.1 s
       a gains ab
       b gains ba
       > pass 60 s`,
    ],
    [
      'who joins is handed what is its own, after a while, and nothing else moves',
      `> mail ab ab2 ba ba2
       > start a
       a gains ab
       a gains ab2
       a gains ba
       a gains ba2
       > start b
       > pass 10 s
       > pass 3 s
       a hands over ba
       a hands over ba2
       b gains ba
       b gains ba2
       > pass 120 s`,
    ],
    [
      'a clean stop hands over everything at once',
      `> start a
       > start b
       > mail ab ab2 ba
       > pass 10 s
       a gains ab
       a gains ab2
       b gains ba
       > stop a
       > pass 0.5 s
       b gains ab
       b gains ab2`,
    ],
    [
      'an instance that ends hands over each mailbox as soon as it is idle, and gains nothing more',
      `> start a
       > start b
       > mail ab ba
       > pass 10 s
       a gains ab
       b gains ba
       > slow 3 s
       > end a 20 s
       > mail ab2
       > pass 0.5 s
       b gains ab2
       = a holds ab
       > pass 3 s
       a hands over ab
       b gains ab
       > mail ab3
       > pass 0.5 s
       b gains ab3
       > client a ab4 5 s
       a refuses a client of ab4
       > pass 60 s`,
    ],
    [
      'of three, the two that stay share what the third one had',
      `> start a
       > start b
       > start c
       > mail cab cba abc
       > pass 10 s
       a gains abc
       c gains cab
       c gains cba
       > stop c
       > pass 0.5 s
       a gains cab
       b gains cba`,
    ],
    [
      'a crash: the others wait for the end of the lease, and no longer than 15 s',
      `> start a
       > start b
       > mail ab ba
       > pass 10 s
       a gains ab
       b gains ba
       > crash a
       > pass 7.9 s
       > pass 5.1 s
       b gains ab`,
    ],
    [
      'a short freeze costs nothing',
      `> start a
       > start b
       > mail ab
       > pass 10 s
       a gains ab
       > freeze a
       > pass 6 s
       > wake a
       > pass 30 s`,
    ],
    [
      'an instance that was frozen for long loses what another one has, and gets it back',
      `> start a
       > start b
       > mail ab
       > pass 10 s
       a gains ab
       > freeze a
       > pass 60 s
       b gains ab
       > wake a
       > pass 1 s
       a loses ab
       > pass 13 s
       b hands over ab
       a gains ab`,
    ],
    [
      'an instance that was frozen alone keeps what is its own',
      `> start a
       > mail ab
       > pass 10 s
       a gains ab
       > freeze a
       > pass 60 s
       > wake a
       > pass 30 s
       = a holds ab`,
    ],
    [
      'frozen, and on waking the store is gone: all is lost in two seconds',
      `> start a
       > mail ab
       > pass 10 s
       a gains ab
       > freeze a
       > pass 30 s
       > cut a
       > wake a
       > pass 2.1 s
       a loses ab`,
    ],
    [
      'without the store for long: all is lost once, before others may have it, and claimed anew',
      `> start a
       > mail ab
       > pass 10 s
       a gains ab
       > cut a
       > pass 6 s
       = a holds ab
       > pass 2.1 s
       a loses ab
       > pass 120 s
       > join a
       > pass 0.5 s
       a gains ab`,
    ],
    [
      'without the store for short: nothing happens',
      `> start a
       > mail ab
       > pass 10 s
       a gains ab
       > cut a
       > pass 5 s
       > join a
       > pass 60 s
       = a holds ab`,
    ],
    [
      'one side of a split network goes on with everything',
      `> start a
       > start b
       > mail ab ba
       > pass 10 s
       a gains ab
       b gains ba
       > cut a
       > pass 15 s
       a loses ab
       b gains ab
       > join a
       > pass 13 s
       b hands over ab
       a gains ab`,
    ],
    [
      'a client of its own: free, it comes at once, and stays without mail',
      `> start a
       > start b
       > pass 5 s
       > client b ab 5 s
       > pass 0.1 s
       b gains ab
       b serves a client of ab
       > pass 29 s
       > pass 5 s
       b hands over ab
       > client b ab 5 s
       > pass 0.1 s
       b gains ab
       b serves a client of ab`,
    ],
    [
      'clients of two instances have their turns: who asks waits 3 s at most',
      `> start a
       > start b
       > pass 5 s
       > client b ab 5 s
       > pass 0.1 s
       b gains ab
       b serves a client of ab
       > client a ab 5 s
       > pass 0.9 s
       > client b ab 5 s
       b serves a client of ab
       > pass 0.9 s
       > client b ab 5 s
       b serves a client of ab
       > pass 0.9 s
       > client b ab 5 s
       b serves a client of ab
       > pass 0.7 s
       b hands over ab
       a gains ab
       a serves a client of ab`,
    ],
    [
      'of three clients each is served, though the owner hands over to one',
      `> start a
       > start b
       > start c
       > mail abc
       > pass 10 s
       a gains abc
       > client b abc 20 s
       > client c abc 20 s
       > pass 0.5 s
       a hands over abc
       c gains abc
       c serves a client of abc
       > pass 3 s
       c hands over abc
       b gains abc
       b serves a client of abc`,
    ],
    [
      'an owner that takes long to end keeps it from nobody when the one that asked is gone',
      `> start a
       > start b
       > start c
       > mail bac
       > pass 10 s
       b gains bac
       > slow 3 s
       > client a bac 20 s
       > pass 0.5 s
       > stop a
       a refuses a client of bac
       > pass 3.5 s
       b hands over bac
       b gains bac`,
    ],
    [
      "another's, it comes when the owner has heard of it, and goes back 30 s after the last client",
      `> start a
       > start b
       > mail ab
       > pass 5 s
       a gains ab
       > client b ab 5 s
       > pass 1 s
       a hands over ab
       b gains ab
       b serves a client of ab
       > pass 20 s
       > client b ab 5 s
       b serves a client of ab
       > pass 25 s
       > pass 7.5 s
       b hands over ab
       a gains ab`,
    ],
    [
      'an owner with clients of its own keeps its turn, and then gives the other one its own',
      `> start a
       > start b
       > pass 5 s
       > client a ab 5 s
       > pass 0.5 s
       a gains ab
       a serves a client of ab
       > client a ab 5 s
       a serves a client of ab
       > client b ab 5 s
       > pass 0.6 s
       > pass 0.8 s
       a hands over ab
       b gains ab
       b serves a client of ab`,
    ],
    [
      'a client whose patience ends hears so, and the owner has changed for its next try',
      `> start a
       > start b
       > pass 5 s
       > client a ab 5 s
       > pass 0.5 s
       a gains ab
       a serves a client of ab
       > client a ab 5 s
       a serves a client of ab
       > client b ab 0.3 s
       > pass 0.5 s
       b refuses a client of ab
       > pass 3 s
       a hands over ab
       b gains ab`,
    ],
    [
      'a client is refused at once where the store cannot be reached',
      `> start a
       > cut a
       > client a ab 60 s
       > pass 1 s
       a refuses a client of ab`,
    ],
    [
      'an instance that has left is asked by nobody',
      `> start a
       > start b
       > mail ab
       > pass 5 s
       a gains ab
       > stop a
       > client b ab 5 s
       > pass 0.5 s
       b gains ab
       b serves a client of ab`,
    ],
    [
      'the clocks of machines may be wrong, and set',
      `> start a 7 min late
       > start b 3 min early
       > mail ab ba
       > pass 60 s
       a gains ab
       b gains ba
       > pass 60 s`,
    ],
  ])('%s', async (_, script) => {
    await play(script);
  });

  test('an instance whose clock is set an hour ahead asks the store before it goes on', async () => {
    const world = new World();
    const a = world.machine('a');
    world.accept('k');
    void a.start();
    await world.pass(5_000);
    const lease = a.ownership.leaseOf('k')!;
    a.setClock(3_600_000);
    expect(a.ownership.holds(lease)).toBe(false);
    await world.pass(2_100);
    expect(a.ownership.holds(lease)).toBe(true);
    a.setClock(-7_200_000);
    expect(a.ownership.holds(lease)).toBe(true);
  });

  test("without notices a client waits for the owner's next beat, and is served at once after it", async () => {
    const world = new World({ ...goodNetwork, notices: () => 0 });
    const [a, b] = [world.machine('a'), world.machine('b')];
    world.accept('k');
    void a.start();
    await world.pass(5_000);
    void b.start();
    await world.pass(1_000);
    let isServed = false;
    void b.ownership.acquire('k', 10_000).then((lease) => {
      isServed = lease !== undefined;
    });
    for (let ms = 0; ms < 2_500 && !a.told.includes('a hands over k'); ms += 50) await world.pass(50);
    await world.pass(400);
    expect(isServed).toBe(true);
  });

  test('many notices make few calls', async () => {
    const world = new World();
    const a = world.machine('a');
    void a.start();
    await world.pass(5_000);
    const { calls } = a;
    for (let ms = 0; ms < 1_000; ms += 5) {
      world.tell({ kind: 'leases' });
      await world.pass(5);
    }
    expect(a.calls - calls).toBeLessThan(15);
  });

  test('an answer that never comes holds nothing up for longer than 5 s', async () => {
    const world = new World();
    const a = world.machine('a');
    void a.start();
    await world.pass(5_000);
    world.accept('k');
    a.swallow = 1;
    await world.pass(5_500);
    expect(a.holds('k')).toBe(true);
  });

  test('frozen and without the store on waking, it is said once', async () => {
    const world = new World();
    const a = world.machine('a');
    world.accept('k');
    void a.start();
    await world.pass(5_000);
    a.freeze();
    await world.pass(30_000);
    a.reach(false);
    a.wake();
    await world.pass(60_000);
    const lapses = a.lines.filter(({ text }) => text.includes('gives up') || text.includes('delivers nothing'));
    expect(lapses).toHaveLength(1);
    expect(lapses[0]?.text).toMatch(
      /^instance a gives up 1 mailbox: the store has not renewed its lease for 3\d s: the store is not there$/,
    );
  });

  test('the start fails where the store cannot be reached, as the store says', async () => {
    const world = new World();
    const a = world.machine('a');
    a.reach(false);
    const started = a.start().catch((error: Error) => error.message);
    await world.pass(30_000);
    expect(await started).toBe('the store is not there');
    const { calls } = a;
    await world.pass(60_000);
    expect(a.calls).toBe(calls);
  });

  // A start takes 12 ms; a renewal is under way then, and from 2004 ms on.
  test.each([0, 1, 3, 5, 7, 9, 11, 13, 2006])('a stop %i ms after the start leaves nothing behind', async (afterMs) => {
    const world = new World();
    const a = world.machine('a');
    world.accept('k');
    const started = a.start();
    await world.pass(afterMs);
    void a.ownership.stop();
    await world.pass(10_000);
    await started;
    expect(a.isSubscribed).toBe(false);
    expect(world.leases.ownerOf('k')).toBeUndefined();
    expect(a.ownership.facts()).toMatchObject({ instances: [], leases: 0, isValid: false });
    const { calls } = a;
    await world.pass(60_000);
    expect(a.calls).toBe(calls);
    expect(a.lines).toEqual([]);
  });

  test('a stop without the store ends in time, and says what follows', async () => {
    const world = new World({ ...goodNetwork, failureMs: () => 60_000 });
    const a = world.machine('a');
    world.accept('k');
    void a.start();
    await world.pass(5_000);
    const lease = a.ownership.leaseOf('k')!;
    a.reach(false);
    let isOver = false;
    void a.stop().then(() => {
      isOver = true;
    });
    expect(a.ownership.holds(lease)).toBe(false);
    expect(a.ownership.leaseOf('k')).toBeUndefined();
    await world.pass(5_100);
    expect(isOver).toBe(true);
    expect(a.lines.at(-1)).toMatchObject({
      level: 'warn',
      text: 'instance a cannot tell the store that it ends: others take over within 10 s: The store does not answer.',
    });
  });

  test('without the store it is asked a few times a minute, and says so once', async () => {
    const world = new World();
    const a = world.machine('a');
    world.accept('k');
    void a.start();
    await world.pass(10_000);
    a.reach(false);
    const { calls } = a;
    await world.pass(600_000);
    expect(a.calls - calls).toBeLessThan(600_000 / 3_500);
    const why = 'the store has not renewed its lease for 8 s: the store is not there';
    expect(told(a)).toEqual([`warn: instance a gives up 1 mailbox: ${why}`]);
    expect(a.lines.find(({ level }) => level === 'warn')?.fields).toMatchObject({
      error: { message: 'the store is not there' },
    });
    expect(a.ownership.facts()).toMatchObject({ leases: 0, isValid: false });
    a.reach(true);
    await world.pass(5_000);
    expect(told(a).at(-1)).toBe('info: instance a has renewed its lease again');
  });

  test('in a calm world nothing moves, and the store is asked twice in two seconds', async () => {
    const world = new World();
    const machines = ['a', 'b', 'c'].map((name) => world.machine(name));
    for (const each of machines) void each.start();
    world.accept(...Array.from({ length: 50 }, (_, at) => `contoso/m${at}@contoso.com`));
    await world.pass(30_000);
    const { moves } = world.leases;
    const calls = machines.map((each) => each.calls);
    await world.pass(600_000);
    expect(world.leases.moves).toBe(moves);
    // A renewal and a look; and occasionally a claim of what others have, in case they leave it alone.
    for (const [at, each] of machines.entries()) expect(each.calls - calls[at]!).toBeLessThan(300 * 2.2 + 60);
  });

  test('a thousand mailboxes go to who joins, a few at a time and within 30 s', async () => {
    const world = new World();
    const keys = Array.from({ length: 1_000 }, (_, at) => `contoso/m${at}@contoso.com`);
    world.accept(...keys);
    const a = world.machine('a');
    void a.start();
    await world.pass(5_000);
    expect(a.has.size).toBe(1_000);
    const b = world.machine('b');
    void b.start();
    let most = 0;
    for (let second = 0; second < 30; second++) {
      const before = b.has.size;
      await world.pass(1_000);
      most = Math.max(most, b.has.size - before);
    }
    for (const key of keys) expect(world.leases.ownerOf(key)).toBe(preferredInstance(key, ['a', 'b']));
    expect(most).toBeLessThanOrEqual(300);
    expect(told(a)).toEqual([
      'info: instance b shares the mailboxes with instance a',
      expect.stringMatching(/^info: instance a has handed over \d+ mailboxes to b$/),
    ]);
  });

  test('an instance that is there and claims nothing does not get the same again and again', async () => {
    const world = new World();
    const a = world.machine('a');
    const table = world.leases.table('inert');
    const key = Array.from({ length: 99 }, (_, at) => `k${at}`).find(
      (each) => preferredInstance(each, ['a', 'inert']) === 'inert',
    )!;
    world.accept(key);
    void a.start();
    await world.pass(1_000);
    let withoutMs = 0;
    for (let ms = 0; ms < 600_000; ms += 1_000) {
      await table.renew(10_000);
      await world.pass(1_000);
      if (!a.holds(key)) withoutMs += 1_000;
    }
    expect(withoutMs).toBeLessThan(600_000 * 0.2);
  });

  test('a take-over is told in one line, with the instance that is gone', async () => {
    const world = new World();
    const [a, b] = [world.machine('bridge-a'), world.machine('bridge-b')];
    void a.start();
    void b.start();
    world.accept(...Array.from({ length: 40 }, (_, at) => `contoso/m${at}@contoso.com`));
    await world.pass(20_000);
    const { size } = a.has;
    expect(size).toBeGreaterThan(10);
    a.crash();
    await world.pass(20_000);
    expect(told(b)).toEqual([
      'info: instance bridge-a shares the mailboxes with instance bridge-b',
      `info: instance bridge-b has taken over ${size} mailboxes of bridge-a, which ends or has not been heard of for 10 s`,
    ]);
    expect(b.ownership.facts()).toEqual({ instance: 'bridge-b', instances: ['bridge-b'], leases: 40, isValid: true });
  });

  test('an instance that comes and goes all the time is told of once a minute', async () => {
    const world = new World();
    const a = world.machine('a');
    void a.start();
    for (let time = 0; time < 10; time++) {
      const b = world.machine('b');
      void b.start();
      await world.pass(3_000);
      void b.stop();
      await world.pass(2_500);
    }
    expect(told(a)).toEqual([
      'info: instance b shares the mailboxes with instance a',
      'info: instance b, which ends or has not been heard of for 10 s, left no mailboxes to instance a',
    ]);
  });

  test('mailboxes that share a login are owned as one', async () => {
    const world = new World();
    const keyOf = (destination: string) => destination.slice(0, destination.indexOf('/'));
    const [a, b] = [world.machine('a', { keyOf }), world.machine('b', { keyOf })];
    world.accept('contoso/one@contoso.com', 'contoso/two@contoso.com');
    void a.start();
    void b.start();
    await world.pass(10_000);
    expect([...a.has.keys(), ...b.has.keys()]).toEqual(['contoso']);
    const owner = a.has.size > 0 ? a : b;
    expect(owner.ownership.leaseOf('contoso/three@contoso.com')).toBe(owner.has.get('contoso'));
  });
});

function told({ lines }: { readonly lines: readonly { level: string; text: string }[] }): string[] {
  return lines.filter(({ level }) => level !== 'debug').map(({ level, text }) => `${level}: ${text}`);
}
