import { expect, test } from 'vitest';
import { alice, errorOf, graph, reports } from './graph-mail.ts';
import { microsoft365 } from './harness.ts';

test('requests are counted by operation and mailbox, those that failed too', async () => {
  const m365 = await microsoft365();
  const [one, other] = [await graph(m365), await graph(m365, alice)];
  await one.request('GET', '/mailFolders');
  await one.request('GET', '/mailFolders/inbox');
  await one.request('GET', '/mailFolders/nothing');
  await other.request('GET', '/mailFolders/inbox');
  expect(m365.graphRequests.count()).toBe(4);
  expect(m365.graphRequests.count({ operation: 'getFolder' })).toBe(3);
  expect(m365.graphRequests.count({ operation: 'getFolder', mailbox: reports.toUpperCase() })).toBe(2);
  expect(await (await m365.control('GET', '/graph-requests')).json()).toEqual({
    count: 4,
    entries: [
      { operation: 'listFolders', mailbox: reports, requests: 1, failed: 0 },
      { operation: 'getFolder', mailbox: reports, requests: 2, failed: 1 },
      { operation: 'getFolder', mailbox: alice, requests: 1, failed: 0 },
    ],
  });
  expect((await m365.control('DELETE', '/graph-requests')).status).toBe(204);
  expect(m365.graphRequests.count()).toBe(0);
});

test('a budget of requests for each app and mailbox, when it is set', async () => {
  const m365 = await microsoft365();
  const [one, other] = [await graph(m365), await graph(m365, alice)];
  await m365.control('PATCH', '/state', { sendingLimits: { graphRequestsPer10Minutes: 2 } });
  expect((await one.request('GET', '/mailFolders')).status).toBe(200);
  expect((await one.request('GET', '/messages')).status).toBe(200);
  const third = await one.request('GET', '/messages');
  const wait = Number(third.headers.get('retry-after'));
  expect([wait > 590, wait <= 600]).toEqual([true, true]);
  expect(await errorOf(third)).toEqual([429, 'ApplicationThrottled']);
  expect((await other.request('GET', '/messages')).status).toBe(200);
  expect(m365.violations.counts()).toEqual({ graphRequestsPer10Minutes: 1 });
});

test('latency holds up every request to a mailbox', async () => {
  const m365 = await microsoft365();
  const app = await graph(m365);
  expect(await (await m365.control('PATCH', '/state', { graphLatencyMs: 120 })).json()).toMatchObject({
    graphLatencyMs: 120,
    graphDeltaLosesMoves: false,
    graphDeltaExtendedProperties: false,
  });
  const started = performance.now();
  await app.request('GET', '/mailFolders');
  expect(performance.now() - started).toBeGreaterThan(115);
});
