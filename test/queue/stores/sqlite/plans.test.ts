import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { destinationOf } from '../../../../src/queue/message.ts';
import { Statements } from '../../../../src/queue/stores/sqlite/engine/statements.ts';
import { openSqliteStore } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put } from '../store-contract.ts';

test('what a bridge asks all the time never reads through all messages, of which most are delivered', async () => {
  const folder = temporaryFolder();
  const asked = new Set<string>();
  const { sql } = Statements.prototype;
  const spy = vi.spyOn(Statements.prototype, 'sql').mockImplementation(function (this: Statements, text: string) {
    asked.add(text);
    return sql.call(this, text);
  });
  onTestFinished(() => spy.mockRestore());
  const store = openSqliteStore(folder, { exclusive: true });
  onTestFinished(() => store.close());
  await put(store, 'x');
  const destination = destinationOf(newMessage());
  asked.clear();
  await store.sentSince(destination, 0, 1);
  await store.sentOfConnectionSince('contoso', 0, 1);
  await store.externalSince('contoso', 0);
  await store.due(destination, 1, 10);
  await put(store, 'y', newMessage({ account: 'another' }));
  expect(await store.due(destination, Number.MAX_SAFE_INTEGER, 10)).toHaveLength(2);
  await store.nextDueMs(destination, 1);
  await store.accounts(destination);
  await store.expired('contoso', 1, '', 10);
  await store.delayed(1, '', 10);
  await store.summary();
  await store.deliveredSince(0);
  await store.page({}, { limit: 10 });
  await store.page({ states: ['queued'], subject: 'x' }, { limit: 10 });
  await store.page({ noticeAbout: 'x' }, { limit: 10 });
  await store.list({ noticeAbout: 'x' }, 10);
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  onTestFinished(() => db.close());
  db.function('folded', { deterministic: true }, (text) => text);
  const plans = [...asked].map((text) => ({ text, plan: db.prepare(`EXPLAIN QUERY PLAN ${text}`).all() }));
  expect(plans.length).toBeGreaterThan(12);
  const scans = plans.filter(({ plan }) => plan.some(({ detail }) => detail === 'SCAN messages'));
  expect(scans.map(({ text }) => text)).toEqual([]);
  // Of a long line of messages, the first are found without sorting all.
  const sorted = plans.filter(
    ({ text, plan }) =>
      /AND next_attempt_at <= \?/.test(text) && plan.some(({ detail }) => detail === 'USE TEMP B-TREE FOR ORDER BY'),
  );
  expect(sorted.map(({ text }) => text)).toEqual([]);
  const ofNotices = plans.filter(({ text }) => text.includes('notice_about = ?')).map(({ plan }) => plan[0]?.detail);
  expect(ofNotices).toHaveLength(2);
  for (const detail of ofNotices) expect(detail).toContain('USING INDEX messages_notices (notice_about=?');
});
