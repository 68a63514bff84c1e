import { afterEach, describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../../../../src/base/errors.ts';
import type { Database } from '../../../../../src/postgres/database.ts';
import { type GroupOptions, WriteGroup } from '../../../../../src/queue/stores/postgres/writes/write-group.ts';
import { settle } from '../../../../support/fake-clock.ts';

afterEach(() => void vi.restoreAllMocks());

const lost = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
const refused = () => new BridgeError('queue-unreachable', 'PostgreSQL at db cannot be reached.');

type Write = (entries: readonly string[]) => Promise<readonly (string | Error)[]>;

/** A group over a server that answers as scripted, and what was written together. */
function world(
  options: Partial<GroupOptions<string, string>> = {},
  reachable: (patienceMs: number) => boolean = () => true,
) {
  const written: string[] = [];
  const asked: number[] = [];
  const answers: Write[] = [];
  const db = {
    where: 'db',
    reachable: async (patienceMs: number) => {
      asked.push(Math.round(patienceMs));
      return reachable(patienceMs);
    },
  } as unknown as Database;
  const group = new WriteGroup<string, string>(db, {
    atOnce: 1,
    isRepeatable: false,
    write: async (entries) => {
      written.push(entries.join(' '));
      const answer = answers.shift();
      return answer ? await answer(entries) : entries.map((entry) => `${entry} done`);
    },
    ...options,
  });
  const add = (...entries: string[]) => Promise.allSettled(entries.map((entry) => group.add(entry)));
  return { group, written, asked, answers, add };
}

const done = (...entries: string[]) => entries.map((entry) => ({ status: 'fulfilled', value: `${entry} done` }));

describe('what is written together', () => {
  test('is what comes within one turn, and each gets its own result', async () => {
    const { add, written } = world();
    expect(await add('a', 'b')).toEqual(done('a', 'b'));
    expect(await add('c')).toEqual(done('c'));
    expect(written).toEqual(['a b', 'c']);
  });

  test.each([1, 2])('and what comes while %d statements are under way', async (atOnce) => {
    const { group, answers, written } = world({ atOnce });
    const ends: (() => void)[] = [];
    for (let n = 0; n < 3; n++) {
      answers.push(async (entries) => {
        await new Promise<void>((resolve) => ends.push(resolve));
        return entries;
      });
    }
    const results = [];
    for (const entry of ['a', 'b', 'c', 'd']) {
      results.push(group.add(entry));
      await settle();
    }
    const begun = ['a', 'b', 'c'].slice(0, atOnce);
    expect(written).toEqual(begun);
    const rest = ['a', 'b', 'c', 'd'].slice(atOnce).join(' ');
    ends[0]?.();
    await settle();
    expect(written).toEqual([...begun, rest]);
    for (const end of ends) end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('is five hundred entries at most', async () => {
    const { add, written } = world();
    await add(...Array.from({ length: 501 }, (_, at) => `${at}`));
    expect(written.map((each) => each.split(' ').length)).toEqual([500, 1]);
  });

  test('is no more than begins below 4 MB, and one entry of any size', async () => {
    const megabytes = 1024 * 1024;
    const { add, written } = world({ bytesOf: (entry) => Number(entry.slice(1)) * megabytes });
    await add('a9', 'b2', 'c2', 'd1', 'e0');
    expect(written).toEqual(['a9', 'b2 c2 d1', 'e0']);
  });

  test('has each key once, in the order in which they came', async () => {
    const { add, written } = world({ keyOf: (entry) => entry[0] as string });
    await add('a1', 'a2', 'b1', 'a3');
    expect(written).toEqual(['a1 b1', 'a2', 'a3']);
  });
});

test('settled is when nothing is under way, and nothing waits', async () => {
  const { group, answers } = world();
  await group.settled();
  let end = () => {};
  answers.push(async (entries) => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    return entries;
  });
  const over: string[] = [];
  void group.add('a').then(() => over.push('a'));
  void group.settled().then(() => over.push('settled'));
  await settle();
  void group.add('b').then(() => over.push('b'));
  void group.settled().then(() => over.push('settled, too'));
  await settle();
  expect(over).toEqual([]);
  end();
  await settle();
  expect(over).toEqual(['a', 'b', 'settled', 'settled, too']);
  await group.settled();
});

describe('a failure', () => {
  test('of one entry is that one’s alone, where the statement says so', async () => {
    const { add, answers } = world();
    const error = new Error('no');
    answers.push(async () => ['fine', error]);
    expect(await add('a', 'b')).toEqual([
      { status: 'fulfilled', value: 'fine' },
      { status: 'rejected', reason: error },
    ]);
  });

  test('that one entry is to blame for is that one’s alone: each is written for itself', async () => {
    const { add, answers, written } = world();
    const error = Object.assign(new Error('duplicate key'), { code: '23505' });
    const fails = async () => {
      throw error;
    };
    const succeeds: Write = async (entries) => entries;
    answers.push(fails, succeeds, fails, succeeds);
    expect(await add('a', 'b', 'c')).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 'c' },
    ]);
    expect(written).toEqual(['a b c', 'a', 'b', 'c']);
  });

  test.each([
    ['a full disk', '53100', 'queue-full'],
    ['a statement that took too long', '57014', 'queue-unreachable'],
    ['a connection that broke', 'ECONNRESET', 'queue-unreachable'],
  ])('that nobody is to blame for is everybody’s, each in an error of its own: %s', async (_, code, told) => {
    const { add, answers, written } = world();
    answers.push(async () => {
      throw Object.assign(new Error('said'), { code });
    });
    const results = await add('a', 'b');
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: told } },
      { status: 'rejected', reason: { code: told } },
    ]);
    const [one, other] = results.map((each) => 'reason' in each && each.reason);
    expect(one).not.toBe(other);
    expect(written).toEqual(['a b']);
  });
});

describe('a statement of which nobody knows whether it was carried out', () => {
  const failing = (...errors: (() => Error)[]): Write[] =>
    errors.map((error) => async () => {
      throw error();
    });

  test('is repeated where that is harmless, as soon as the server is there', async () => {
    const unclear: string[] = [];
    const { add, answers, written, asked } = world({
      isRepeatable: true,
      unclear: (entries) => unclear.push(...entries),
    });
    vi.spyOn(performance, 'now').mockReturnValue(1_000);
    answers.push(...failing(lost, lost));
    expect(await add('a')).toEqual(done('a'));
    expect(written).toEqual(['a', 'a', 'a']);
    expect(asked).toEqual([10_000, 10_000]);
    expect(unclear).toEqual([]);
  });

  test('is repeated for ten seconds, then told to be unclear', async () => {
    const unclear: string[] = [];
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const { add, answers, written, asked } = world(
      { isRepeatable: true, unclear: (entries) => unclear.push(...entries) },
      () => {
        nowMs += 5_000;
        return true;
      },
    );
    answers.push(...failing(lost, lost, lost, lost));
    expect(await add('a', 'b')).toMatchObject([{ reason: { code: 'queue-unreachable' } }, { status: 'rejected' }]);
    expect(written).toEqual(['a b', 'a b', 'a b']);
    expect(asked).toEqual([10_000, 5_000]);
    expect(unclear).toEqual(['a', 'b']);
  });

  test('is repeated once by a process that stood still for longer', async () => {
    let nowMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const { add, answers, written, asked } = world({ isRepeatable: true });
    const late = () => {
      nowMs += 60_000;
      return lost();
    };
    answers.push(...failing(late, late));
    expect(await add('a')).toMatchObject([{ status: 'rejected' }]);
    expect(written).toEqual(['a', 'a']);
    expect(asked).toEqual([3_000]);
  });

  test('is not repeated where that is not harmless, nor while the server is away', async () => {
    const unclear: string[] = [];
    const note = (entries: readonly string[]) => unclear.push(...entries);
    const once = world({ unclear: note });
    once.answers.push(...failing(lost));
    expect(await once.add('a')).toMatchObject([{ status: 'rejected' }]);
    const away = world({ isRepeatable: true, unclear: note }, () => false);
    away.answers.push(...failing(lost));
    expect(await away.add('b')).toMatchObject([{ status: 'rejected' }]);
    expect([once.written, once.asked, away.written]).toEqual([['a'], [], ['b']]);
    expect(unclear).toEqual(['a', 'b']);
  });

  test('is none that was never asked, until one of its repetitions was', async () => {
    const unclear: string[] = [];
    const { add, answers, written } = world({ isRepeatable: true, unclear: (entries) => unclear.push(...entries) });
    answers.push(...failing(refused));
    expect(await add('a')).toMatchObject([{ status: 'rejected', reason: { code: 'queue-unreachable' } }]);
    expect([written, unclear]).toEqual([['a'], []]);
    answers.push(...failing(lost, refused));
    expect(await add('b')).toEqual(done('b'));
    expect(written).toEqual(['a', 'b', 'b', 'b']);
  });
});
