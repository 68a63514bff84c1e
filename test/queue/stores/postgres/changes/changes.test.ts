import { expect, onTestFinished, test, vi } from 'vitest';
import type { Database } from '../../../../../src/postgres/database.ts';
import type { StoreChange } from '../../../../../src/queue/store.ts';
import { Changes } from '../../../../../src/queue/stores/postgres/changes/changes.ts';

/** A database of which notices and answers come as a test says. */
function scripted() {
  let notify: (payload: string) => void = () => {};
  const looks: ((rows: { id: number; content: string }[]) => void)[] = [];
  const session = {
    onNotification: (told: (payload: string) => void) => {
      notify = told;
    },
    onBroken: () => {},
    run: async () => [],
    end: async () => {},
  };
  const db = {
    schema: 'x',
    session: async () => session,
    watch: () => () => {},
    ask: (sql: string) => (sql.includes('SELECT id') ? new Promise((resolve) => looks.push(resolve)) : []),
  };
  return { db: db as unknown as Database, looks, notify: (payload: string) => notify(payload) };
}

test('a notice that says too little, while the table is being read, has it read again at once', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { db, looks, notify } = scripted();
  const changes = new Changes(db, true);
  const told: StoreChange[] = [];
  const end = changes.subscribe((change) => told.push(change));
  await vi.advanceTimersByTimeAsync(10);
  // Its content did not fit.
  notify('7 other ');
  await vi.advanceTimersByTimeAsync(10);
  expect(looks).toHaveLength(1);
  notify('8 other ');
  await vi.advanceTimersByTimeAsync(10);
  looks[0]?.([{ id: 7, content: '{"queued":["a/b"]}' }]);
  await vi.advanceTimersByTimeAsync(10);
  expect(looks).toHaveLength(2);
  looks[1]?.([
    { id: 7, content: '{"queued":["a/b"]}' },
    { id: 8, content: '{"queued":["a/c"]}' },
  ]);
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual([
    { kind: 'queued', destinations: ['a/b'] },
    { kind: 'queued', destinations: ['a/c'] },
  ]);
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(looks).toHaveLength(2);
});
