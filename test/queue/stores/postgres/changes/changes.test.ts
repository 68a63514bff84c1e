import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Database } from '../../../../../src/postgres/database.ts';
import type { StoreChange } from '../../../../../src/queue/store.ts';
import { Changes } from '../../../../../src/queue/stores/postgres/changes/changes.ts';

interface Row {
  readonly id: number;
  readonly content: string;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A database whose notices and answers come as the test says, and what was written to it. */
function scripted() {
  let notify: (payload: string) => void = () => {};
  let watched: ((change: 'unreachable' | 'reachable') => void) | undefined;
  const looks: ((rows: Row[]) => void)[] = [];
  const written: { content: unknown; payload?: string; channel?: unknown }[] = [];
  const state = {
    failing: undefined as (() => Error) | undefined,
    unreachable: undefined as Error | undefined,
    /** What a look finds; undefined: the test answers it. */
    rows: undefined as Row[] | undefined,
    purges: 0,
    sessions: 0,
  };
  const session = {
    onNotification: (told: (payload: string) => void) => {
      notify = told;
    },
    onBroken: () => {},
    run: async () => [],
    end: async () => void state.sessions--,
  };
  const write = (how: 'told' | 'silent', [, content, channel, payload]: readonly unknown[]) => {
    const notice = how === 'told' ? { channel, payload: String(payload).replace(/^ \S+ /, '') } : {};
    written.push({ content: JSON.parse(String(content)), ...notice });
    return [];
  };
  const db = {
    schema: 'x',
    get unreachable() {
      return state.unreachable;
    },
    session: async () => {
      state.sessions++;
      return session;
    },
    watch: (told: typeof watched) => {
      watched = told;
      return () => {
        watched = undefined;
      };
    },
    attempt: async (_sql: string, values: readonly unknown[]) => {
      if (state.failing) throw state.failing();
      return write('told', values);
    },
    ask: async (sql: string, values: readonly unknown[]) => {
      if (sql.includes('INSERT')) return write('silent', values);
      if (sql.includes('DELETE')) state.purges++;
      if (!sql.includes('SELECT id')) return [];
      if (state.rows) {
        looks.push(() => {});
        return state.rows;
      }
      return await new Promise((resolve) => looks.push(resolve));
    },
  };
  return {
    db: db as unknown as Database,
    looks,
    written,
    state,
    notify: (payload: string) => notify(payload),
    becomes: (change: 'unreachable' | 'reachable') => watched?.(change),
    isWatched: () => watched !== undefined,
  };
}

test('a notice that says too little, while the table is being read, has it read again at once', async () => {
  const { db, looks, notify } = scripted();
  const changes = new Changes(db, true);
  const told: StoreChange[] = [];
  const end = changes.subscribe((change) => told.push(change));
  await pass(10);
  // Its content did not fit.
  notify('7 other ');
  await pass(10);
  expect(looks).toHaveLength(1);
  notify('8 other ');
  await pass(10);
  looks[0]?.([{ id: 7, content: '{"queued":["a/b"]}' }]);
  await pass(10);
  expect(looks).toHaveLength(2);
  looks[1]?.([
    { id: 7, content: '{"queued":["a/b"]}' },
    { id: 8, content: '{"queued":["a/c"]}' },
  ]);
  await pass(10);
  expect(told).toEqual([
    { kind: 'queued', destinations: ['a/b'] },
    { kind: 'queued', destinations: ['a/c'] },
  ]);
  end();
  await pass(60_000);
  expect(looks).toHaveLength(2);
});

describe('what this instance changes', () => {
  test('is told together, 20 ms after the first of it, and what comes while that is written after it', async () => {
    const { db, written } = scripted();
    const changes = new Changes(db, true);
    changes.queued(['a/b', 'a/c']);
    await pass(19);
    changes.queued(['a/b']);
    changes.leases();
    expect(written).toEqual([]);
    await pass(1);
    const first = { queued: ['a/b', 'a/c'], leases: true };
    expect(written).toEqual([{ content: first, channel: 'mailbridge_x', payload: JSON.stringify(first) }]);
    changes.administered();
    await pass(20);
    expect(written[1]?.content).toEqual({ administered: true });
    await pass(60_000);
    expect(written).toHaveLength(2);
  });

  test('that comes while something is written is told after that', async () => {
    const { db, written } = scripted();
    const attempt = db.attempt.bind(db);
    let go = () => {};
    db.attempt = async (...given) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return await attempt(...given);
    };
    const changes = new Changes(db, true);
    changes.leases();
    await pass(20);
    changes.administered();
    await pass(1_000);
    expect(written).toEqual([]);
    go();
    await pass(19);
    go();
    await pass(0);
    expect(written.map(({ content }) => content)).toEqual([{ leases: true }]);
    await pass(1);
    go();
    await pass(0);
    expect(written.map(({ content }) => content)).toEqual([{ leases: true }, { administered: true }]);
  });

  test.each([
    ['5,000 destinations are named', 5_000, (content: object) => 'queued' in content && !('administered' in content)],
    ['more are not', 5_001, (content: object) => 'administered' in content && !('queued' in content)],
  ])('is told in short where it is much: %s', async (_, count, is) => {
    const { db, written } = scripted();
    const changes = new Changes(db, true);
    changes.queued(Array.from({ length: count }, (_each, at) => `a/${at}`));
    await pass(20);
    expect(written[0]?.content).toSatisfy(is);
    expect(written[0]?.payload).toBe(count > 5_000 ? '{"administered":true}' : '');
  });

  test.each([
    [7_500, true],
    [7_501, false],
  ])('of %d octets is in the notice itself: %s', async (octets, is) => {
    const { db, written } = scripted();
    const changes = new Changes(db, true);
    const frame = Buffer.byteLength('{"queued":["ü"]}');
    changes.queued([`ü${'x'.repeat(octets - frame)}`]);
    await pass(20);
    expect(Buffer.byteLength(JSON.stringify(written[0]?.content))).toBe(octets);
    expect(written[0]?.payload !== '').toBe(is);
  });

  test('is written without a notice where the server knows none, and not tried with one again', async () => {
    const { db, written, state } = scripted();
    const changes = new Changes(db, true);
    let tries = 0;
    state.failing = () => {
      tries++;
      return Object.assign(new Error('unknown function'), { code: '42883' });
    };
    for (let n = 0; n < 3; n++) {
      changes.leases();
      await pass(20);
    }
    expect(written).toEqual(Array(3).fill({ content: { leases: true } }));
    expect(tries).toBe(1);
  });

  test('and cannot be told now is not told later: the others look by themselves', async () => {
    const { db, written, state } = scripted();
    const changes = new Changes(db, true);
    state.failing = () => new Error('ECONNRESET');
    changes.leases();
    await pass(20);
    state.failing = undefined;
    await pass(1_000);
    changes.administered();
    await pass(20);
    expect(written.map(({ content }) => content)).toEqual([{ administered: true }]);
  });

  test('is told before the end, unless the server is away', async () => {
    const { db, written, state } = scripted();
    const changes = new Changes(db, true);
    changes.leases();
    await changes.close();
    expect(written.map(({ content }) => content)).toEqual([{ leases: true }]);
    await pass(60_000);
    state.unreachable = new Error('away');
    const other = new Changes(db, true);
    other.leases();
    await other.close();
    await pass(60_000);
    expect(written).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what others change', () => {
  test('is told of each kind, once, however it is heard', async () => {
    const { db, notify, state } = scripted();
    state.rows = [];
    const changes = new Changes(db, true);
    const told: StoreChange[] = [];
    changes.subscribe((change) => told.push(change));
    await pass(0);
    notify('7 other {"queued":["a/b"],"administered":true,"leases":true}');
    notify('7 other {"queued":["a/b"],"administered":true,"leases":true}');
    notify('8 other {"leases":true}');
    notify('9 other {"queued":["line\\nend"],\n"leases":true}');
    notify('no notice of ours');
    notify('x77 other {"leases":true}');
    const all = [
      { kind: 'queued', destinations: ['a/b'] },
      { kind: 'administered' },
      { kind: 'leases' },
      { kind: 'leases' },
      { kind: 'queued', destinations: ['line\nend'] },
      { kind: 'leases' },
    ];
    expect(told).toEqual(all);
    state.rows = [{ id: 8, content: '{"leases":true}' }];
    await pass(60_000);
    expect(told).toEqual(all);
    await changes.close();
  });

  test('is not what this instance has told itself', async () => {
    const { db, notify, state } = scripted();
    state.rows = [];
    const changes = new Changes(db, true);
    const told: StoreChange[] = [];
    changes.subscribe((change) => told.push(change));
    let origin = '';
    db.attempt = async (_sql, values = []) => {
      origin = String(values[0]);
      return [];
    };
    changes.leases();
    await pass(20);
    notify(`7 ${origin} {"leases":true}`);
    expect(origin).toMatch(/^[0-9a-f-]{36}$/);
    expect(told).toEqual([]);
    await changes.close();
  });

  test('is looked for every two seconds, every 15 while notices come, and every two again when one was missed', async () => {
    const { db, notify, looks, state } = scripted();
    state.rows = [];
    const changes = new Changes(db, true);
    changes.subscribe(() => {});
    const looked = async (ms: number) => {
      const before = looks.length;
      await pass(ms);
      return looks.length - before;
    };
    expect([await looked(1_999), await looked(1), await looked(1_999), await looked(1)]).toEqual([0, 1, 0, 1]);
    notify('1 other {"leases":true}');
    expect([await looked(2_000), await looked(14_999), await looked(1)]).toEqual([1, 0, 1]);
    state.rows = [{ id: 1, content: '{"leases":true}' }];
    expect([await looked(15_000), await looked(14_999)]).toEqual([1, 0]);
    state.rows = [{ id: 2, content: '{"leases":true}' }];
    expect([await looked(1), await looked(2_000), await looked(2_000)]).toEqual([1, 1, 1]);
    await changes.close();
  });

  test('is looked for alone where no notices are wanted', async () => {
    const { db, state, looks } = scripted();
    state.rows = [{ id: 1, content: '{"leases":true}' }];
    const changes = new Changes(db, false);
    const told: StoreChange[] = [];
    changes.subscribe((change) => told.push(change));
    await pass(4_000);
    expect([state.sessions, looks.length, told]).toEqual([0, 2, [{ kind: 'leases' }]]);
    await changes.close();
  });

  test('is looked for at once when the server is back, and not while it is away; both are told', async () => {
    const { db, looks, state, becomes } = scripted();
    state.rows = [];
    const changes = new Changes(db, false);
    const told: string[] = [];
    changes.subscribe(({ kind }) => told.push(kind));
    state.unreachable = new Error('away');
    becomes('unreachable');
    await pass(4_000);
    expect(looks).toEqual([]);
    state.unreachable = undefined;
    becomes('reachable');
    await pass(0);
    expect(looks).toHaveLength(1);
    expect(told).toEqual(['unreachable', 'reachable']);
    await changes.close();
  });

  test('is looked for again after a look that failed', async () => {
    const { db, state } = scripted();
    const changes = new Changes(db, false);
    const told: string[] = [];
    changes.subscribe(({ kind }) => told.push(kind));
    const ask = db.ask.bind(db);
    let failures = 0;
    db.ask = async () => {
      failures++;
      throw new Error('ECONNRESET');
    };
    await pass(2_000);
    db.ask = ask;
    state.rows = [{ id: 1, content: '{"leases":true}' }];
    await pass(2_000);
    expect([failures, told]).toEqual([1, ['leases']]);
    await changes.close();
  });

  test('is removed from the table at the first look and at every twentieth, and forgotten here after a minute', async () => {
    const { db, state } = scripted();
    state.rows = [];
    const changes = new Changes(db, false);
    const told: string[] = [];
    changes.subscribe(({ kind }) => told.push(kind));
    await pass(2_000);
    expect(state.purges).toBe(1);
    state.rows = [{ id: 1, content: '{"leases":true}' }];
    await pass(19 * 2_000);
    expect(state.purges).toBe(1);
    await pass(2_000);
    expect([state.purges, told.length]).toEqual([2, 1]);
    await pass(24_000);
    expect(told).toHaveLength(1);
    await pass(2_000);
    expect(told).toHaveLength(2);
    await changes.close();
  });

  test('is told to all who want to hear it; when the last has enough nothing is asked or heard any more', async () => {
    const { db, notify, looks, state, isWatched } = scripted();
    state.rows = [];
    const changes = new Changes(db, true);
    const told: string[] = [];
    const one = changes.subscribe(({ kind }) => told.push(`one ${kind}`));
    const two = changes.subscribe(({ kind }) => told.push(`two ${kind}`));
    await pass(0);
    expect(state.sessions).toBe(1);
    notify('1 other {"leases":true}');
    one();
    notify('2 other {"leases":true}');
    expect(told).toEqual(['one leases', 'two leases', 'two leases']);
    expect(isWatched()).toBe(true);
    two();
    await pass(60_000);
    expect([state.sessions, looks.length, isWatched(), vi.getTimerCount()]).toEqual([0, 0, false, 0]);
    changes.subscribe(() => {});
    await pass(2_000);
    expect([state.sessions, looks.length]).toEqual([1, 1]);
    await changes.close();
    await pass(60_000);
    expect([state.sessions, looks.length]).toEqual([0, 1]);
  });
});
