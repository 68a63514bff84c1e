import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../src/queue/stores/sqlite.ts';
import { put } from '../queue/stores/store-contract.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

/** A configuration whose queue holds two messages, one of them refused once. */
async function someQueue() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const config = {
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: {
      contoso: {
        tenantId: 'contoso.example',
        clientId: '00000000-0000-0000-0000-000000000001',
        grant: 'client-credentials',
        clientSecret: { env: 'NOT_SET_HERE' },
      },
    },
    accounts: [
      { username: 'scanner', password: 'x', connection: 'contoso', mailbox: 'reports@contoso.example', send: 'graph' },
    ],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const queue = async (...args: string[]) => await mailbridge(['queue', ...args, '--config', file]);
  return { folder, queue };
}

async function filled() {
  const { folder, queue } = await someQueue();
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(folder, 'data'));
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const first = await put(store, 'Subject: first\r\n\r\n');
  const second = await put(store, 'Subject: second\r\n\r\n', { account: 'erp', mailbox: 'erp@contoso.example' });
  const refused = {
    outcome: 'needs-admin',
    code: '5.7.3',
    text: 'Authentication unsuccessful',
    remedy: 'Register it.',
  } as const;
  await store.record(first.id, {
    attempt: {
      startedAtMs: Date.UTC(2026, 0, 5),
      durationMs: 12,
      outcomes: [{ address: 'ann@contoso.example', ...refused }],
    },
    recipients: first.recipients.map((each) => ({ ...each, last: refused })),
    state: 'queued',
    nextAttemptAtMs: Date.UTC(2099, 0, 1),
  });
  await store.close();
  return { queue, first, second };
}

test('there is none before the bridge has run', async () => {
  const { queue } = await someQueue();
  const { code, err } = await queue('list');
  expect(code).toBe(2);
  expect(err).toMatch(/There is no queue in .*the bridge has not run yet/);
});

test('list shows a line for each message, or JSON', async () => {
  const { queue, first, second } = await filled();
  const { code, out } = await queue('list');
  expect(code).toBe(0);
  expect(out).toContain(`${first.id} queued`);
  expect(out).toContain('next attempt 2099-01-01T00:00:00Z, 5.7.3 Authentication unsuccessful');
  expect(out).toContain('2 messages\n');
  const listed = JSON.parse((await queue('list', '--account', 'erp', '--json')).out) as { id: string }[];
  expect(listed.map((each) => each.id)).toEqual([second.id]);
});

test('show tells every recipient, the remedy and every attempt', async () => {
  const { queue, first } = await filled();
  const { out } = await queue('show', first.id);
  expect(out).toContain(
    'to   <ann@contoso.example> pending: 5.7.3 Authentication unsuccessful\n     remedy: Register it.\n',
  );
  expect(out).toContain('attempt 1 at 2026-01-05T00:00:00Z, 12 ms: needs-admin 5.7.3\n');
  expect((await queue('show', 'nothing')).code).toBe(1);
});

test('hold, release, retry and delete change what the filter says and tell how many', async () => {
  const { queue, first } = await filled();
  expect(await queue('hold', '--mailbox', 'reports@contoso.example')).toMatchObject({
    code: 0,
    out: '1 message held\n',
  });
  expect((await queue('list', '--state', 'held')).out).toContain(first.id);
  expect((await queue('retry', '--all')).out).toBe('1 message due now\n');
  expect((await queue('release', '--all')).out).toBe('1 message released\n');
  expect(JSON.parse((await queue('delete', first.id, '--json')).out)).toEqual({ count: 1 });
  expect(await queue('delete', first.id)).toMatchObject({ code: 1, out: '0 messages deleted\n' });
});

test('what changes messages wants to know which', async () => {
  const { queue } = await filled();
  for (const action of ['retry', 'hold', 'release', 'delete']) {
    expect(await queue(action)).toMatchObject({
      code: 2,
      err: expect.stringContaining('Give ids, a filter, or --all'),
    });
  }
  expect(await queue('list', '--state', 'lost')).toMatchObject({ code: 2 });
});
