import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { AlertNews } from '../../../src/admin/alerts/condition.ts';
import { WaitingPosts } from '../../../src/admin/alerts/waiting-posts.ts';
import { Webhook } from '../../../src/admin/alerts/webhook.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { silentLog } from '../../../src/base/log.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const secret = 'whsec-of-the-alerts-4711';
noteSecret('configured secret', secret);

const news: AlertNews = {
  id: 'queue-waits',
  code: 'queue-waits',
  severity: 'warning',
  state: 'raised',
  since: '2026-01-05T08:00:00.000Z',
  at: '2026-01-05T08:00:00.000Z',
  instance: 'a',
  text: 'The oldest queued message has waited for 90 minutes.',
  remedy: 'Run mailbridge queue list for the reasons.',
};

async function receiver(answers: number[]) {
  const requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    requests.push({ headers: request.headers, body: await text(request) });
    response.writeHead(answers.shift() ?? 204, { Location: '/elsewhere' }).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  const http = createHttpClient({ env: {} });
  const url = `http://127.0.0.1:${port}/alerts`;
  const records = openSqliteStore(temporaryFolder(), { exclusive: true });
  const open = () => {
    const kept = new WaitingPosts(records.records, 'a');
    return new Webhook({ url, secret: () => secret, http, kept, clock, log: silentLog });
  };
  const webhook = open();
  onTestFinished(async () => {
    await webhook.close();
    await http.close();
    await records.close();
  });
  return { requests, webhook, clock, open };
}

test('an alert is posted with the time and a signature of both, and nothing secret', async () => {
  const { requests, webhook, clock } = await receiver([]);
  await webhook.tell(news);
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  const [{ headers, body } = { headers: {}, body: '' }] = requests;
  expect(JSON.parse(body)).toEqual(news);
  const timestamp = headers['x-mailbridge-timestamp'];
  expect(timestamp).toBe(String(clock.now() / 1000));
  const expected = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
  expect(headers['x-mailbridge-signature']).toBe(`sha256=${expected}`);
  expect(JSON.stringify(headers) + body).not.toContain(secret);
});

test('what fails is tried again, later each time and signed anew, then given up; the next follows', async () => {
  const { requests, webhook, clock } = await receiver([500, 302, 500, 500, 500, 500]);
  await webhook.tell(news);
  await webhook.tell({ ...news, state: 'cleared' });
  const waits = [5, 30, 120, 600, 1800];
  for (const [index, seconds] of waits.entries()) {
    await vi.waitFor(() => expect(requests).toHaveLength(index + 1));
    await vi.waitFor(async () => {
      await clock.advance(seconds * 1000);
      expect(requests.length).toBeGreaterThan(index + 1);
    });
  }
  await vi.waitFor(() => expect(requests).toHaveLength(7));
  expect(requests.map(({ body }) => JSON.parse(body).state)).toEqual([...new Array(6).fill('raised'), 'cleared']);
  const times = requests.map(({ headers }) => headers['x-mailbridge-timestamp']);
  expect(new Set(times.slice(0, 6)).size).toBe(6);
});

test('what the webhook has not taken is posted after a restart, what it has taken is not', async () => {
  const { requests, webhook, open } = await receiver([204, 500]);
  await webhook.tell({ ...news, id: 'taken' });
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  await webhook.tell({ ...news, id: 'refused' });
  await webhook.tell({ ...news, id: 'not begun' });
  await vi.waitFor(() => expect(requests).toHaveLength(2));
  await webhook.close();
  const next = open();
  await next.resume();
  // Asked twice, it still posts each once.
  await next.resume();
  await vi.waitFor(() => expect(requests).toHaveLength(4));
  await next.close();
  expect(requests.map(({ body }) => JSON.parse(body).id)).toEqual(['taken', 'refused', 'refused', 'not begun']);
  const last = open();
  await last.resume();
  await last.close();
  expect(requests).toHaveLength(4);
});
