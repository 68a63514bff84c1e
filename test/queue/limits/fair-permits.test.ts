import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairPermits, type PermitTaker } from '../../../src/queue/limits/fair-permits.ts';

/** A mailbox with this much to send, and this much at a time. */
class Mailbox implements PermitTaker {
  readonly connection: string;
  readonly #permits: FairPermits;
  readonly #atOnce: number;
  readonly log: string[];
  readonly name: string;
  left: number;
  running = 0;

  constructor(permits: FairPermits, log: string[], name: string, connection: string, left: number, atOnce = 3) {
    this.#permits = permits;
    this.log = log;
    this.name = name;
    this.connection = connection;
    this.left = left;
    this.#atOnce = atOnce;
  }

  wake(): void {
    while (this.left > 0 && this.running < this.#atOnce && this.#permits.take(this)) {
      this.left--;
      this.running++;
      this.log.push(this.name);
    }
  }

  end(): void {
    this.running--;
    this.#permits.release(this);
    this.wake();
  }
}

test('mailboxes take turns, however much one of them has', () => {
  const permits = new FairPermits(4);
  const log: string[] = [];
  const flood = new Mailbox(permits, log, 'flood', 'contoso', 1000);
  const others = ['a', 'b', 'c'].map((name) => new Mailbox(permits, log, name, 'contoso', 3));
  flood.wake();
  for (const other of others) other.wake();
  for (let i = 0; i < 12; i++) [flood, ...others].find((each) => each.running > 0)?.end();
  expect(log.slice(0, 3)).toEqual(['flood', 'flood', 'flood']);
  // Three of each, and one of the flood in each round.
  expect(log.slice(3, 15).sort()).toEqual([
    ...Array(3).fill('a'),
    ...Array(3).fill('b'),
    ...Array(3).fill('c'),
    ...Array(3).fill('flood'),
  ]);
});

test('connections take turns as well', () => {
  const permits = new FairPermits(1);
  const log: string[] = [];
  const many = Array.from({ length: 10 }, (_, i) => new Mailbox(permits, log, `a${i}`, 'a', 5));
  const one = new Mailbox(permits, log, 'b', 'b', 5);
  for (const each of [...many, one]) each.wake();
  for (let i = 0; i < 8; i++) [...many, one].find((each) => each.running > 0)?.end();
  expect(log.filter((name) => name === 'b')).toHaveLength(4);
});

test('a permit is never given twice, none is lost, and everything is sent in the end', () => {
  const mailbox = fc.record({
    connection: fc.constantFrom('a', 'b', 'c'),
    left: fc.integer({ min: 0, max: 6 }),
    atOnce: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(mailbox, { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (total, given, choices) => {
        const permits = new FairPermits(total);
        const log: string[] = [];
        const all = given.map(
          ({ connection, left, atOnce }, i) => new Mailbox(permits, log, String(i), connection, left, atOnce),
        );
        for (const each of all) each.wake();
        for (;;) {
          const running = all.filter((each) => each.running > 0);
          const atOnce = running.reduce((sum, each) => sum + each.running, 0);
          expect(atOnce).toBeLessThanOrEqual(total);
          for (const name of ['a', 'b', 'c']) {
            const ofOne = running.filter((each) => each.connection === name);
            const held = ofOne.reduce((sum, each) => sum + each.running, 0);
            expect(held).toBeLessThanOrEqual(Math.ceil(total * 0.75));
          }
          if (running.length === 0) break;
          running[(choices.next().value as number) % running.length]?.end();
        }
        expect(log).toHaveLength(given.reduce((sum, { left }) => sum + left, 0));
      },
    ),
  );
});
