import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { QueuedMessage } from '../../src/queue/message.ts';
import { openSqliteStore } from '../../src/queue/stores/sqlite/store.ts';
import { newMessage, put } from '../queue/stores/store-contract.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';
import { queueConfig } from './queue/config.ts';

const client = { address: '192.0.2.7', port: 2525 };

/** A queue with one message that was deferred and then delivered, and one that waits. */
async function traced() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify(queueConfig), { mode: 0o600 });
  mkdirSync(join(folder, 'data'));
  const store = openSqliteStore(join(folder, 'data', 'queue'), { exclusive: true });
  const envelope = { ...newMessage().envelope, client };
  const first = await put(store, 'x', { envelope, subject: 'Invoice 7', messageId: '<7@mfp>' });
  await attempt(first, 'temporary', '4.3.2', 'Busy.', 'queued');
  await attempt(first, 'delivered', '202', 'Accepted', 'delivered');
  const second = await put(store, 'y', { envelope: { ...envelope, reversePath: 'erp@contoso.example' } });
  await store.hold({ ids: [second.id] });
  await store.close();
  return { first, second, trace: (...args: string[]) => mailbridge(['trace', ...args, '--config', file]) };

  async function attempt(
    message: QueuedMessage,
    outcome: 'temporary' | 'delivered',
    code: string,
    text: string,
    state: 'queued' | 'delivered',
  ) {
    await store.record(message.id, {
      attempt: {
        ...{ startedAtMs: message.receivedAtMs + 1000, durationMs: 312, upstreamId: 'req-9', courier: 'graph' },
        outcomes: message.recipients.map(({ address }) => ({ address, outcome, code, text })),
      },
      recipients: message.recipients,
      ...{ state, nextAttemptAtMs: message.receivedAtMs },
    });
  }
}

test('a message is followed from its client to Microsoft, with each answer', async () => {
  const { first, trace } = await traced();
  const { code, out } = await trace(first.id);
  expect(code).toBe(0);
  const [head, ...hops] = out.trimEnd().split('\n');
  expect(head).toBe(`${first.id}  delivered  Invoice 7`);
  expect(hops.map((line) => line.slice(23))).toEqual([
    'accepted    from 192.0.2.7 at port 2525, account scanner, from <reports@contoso.example>, 1 bytes',
    'queued      for mailbox reports@contoso.example over contoso, by graph, to <ann@contoso.example> <bo@fabrikam.example>',
    'attempt     by graph, 312 ms, id req-9; temporary: 4.3.2 Busy.',
    'attempt     by graph, 312 ms, id req-9; delivered: 202 Accepted',
    'delivered   Microsoft 365 has accepted it for every recipient',
  ]);
});

test('by an address the latest messages are followed, by a Message-ID that one', async () => {
  const { first, second, trace } = await traced();
  const ids = async (...args: string[]) =>
    (JSON.parse((await trace(...args, '--json')).out) as { id: string }[]).map(({ id }) => id);
  expect(await ids('ANN@contoso.example')).toEqual([second.id, first.id]);
  expect(await ids('<ann@contoso.example>', '--limit', '1')).toEqual([second.id]);
  expect(await ids('erp@contoso.example')).toEqual([second.id]);
  expect(await ids('<7@mfp>')).toEqual([first.id]);
  const [held] = JSON.parse((await trace(second.id, '--json')).out);
  expect(held).toMatchObject({ state: 'held', subject: null, hops: [{}, {}, { what: 'held', at: null }] });
});

test('what nobody knows is said, and what is missing', async () => {
  const { trace } = await traced();
  expect(await trace('0mx0000000000')).toMatchObject({
    code: 1,
    err: expect.stringContaining('There is no message 0mx0000000000 in the queue.'),
  });
  expect((await trace()).code).toBe(2);
  expect((await trace('a@b.example', 'c@d.example')).code).toBe(2);
});
