import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { AdminFacts, ConnectionTroubleFacts, NotReadyReason } from '../../../src/admin/facts.ts';
import { listenAdmin } from '../../../src/admin/server/admin-server.ts';
import { boundSockets } from '../../../src/admin/server/bounded-sockets.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { nothing, quietPorts } from '../admin-world.ts';

/** Serves only health and metrics. */
async function watched(facts: AdminFacts, port = 0) {
  const settings = { host: '127.0.0.1', port, pages: false, names: [], dataDir: '/nowhere' };
  return await listenAdmin(settings, quietPorts(facts), { clock: systemClock, log: silentLog });
}

async function admin(
  needed = false,
  fails = false,
  troubles: readonly ConnectionTroubleFacts[] = [],
  reasons: readonly NotReadyReason[] = [],
) {
  const facts: AdminFacts = {
    troubles: () => troubles,
    notReady: async () => reasons,
    queue: async () => ({ queued: 3, failed: 0 }),
    clients: () => ({ smtp: 1, imap: 5 }),
    workers: async () => [
      { worker: 1, clients: 2, starts: 1, usage: { cpuSeconds: 1.5, residentBytes: 70_000_000 } },
      { worker: 2, clients: 0, starts: 3, usage: undefined },
    ],
    signIns: async () => {
      if (fails) throw new Error('no');
      return [{ connection: 'contoso', isNeeded: needed }];
    },
  };
  const server = await watched(facts);
  onTestFinished(() => server.close());
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);
}

test('health is told while the bridge runs', async () => {
  const get = await admin();
  const answer = await get('/health');
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok', ready: true }]);
});

test('that the process is alive is told whatever else is wrong', async () => {
  const get = await admin(true, true, [], [{ code: 'draining', text: 'The bridge is about to stop.' }]);
  const answer = await get('/healthz');
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
});

test('whether clients should come is told by the status, with the reasons, and health has them too', async () => {
  const ready = await (await admin())('/readyz');
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
  expect(ready.headers.get('cache-control')).toBe('no-store');
  const reasons = [
    { code: 'draining', text: 'The bridge is about to stop.' },
    { code: 'queue-full', text: 'The queue holds 5 messages (queue.maxMessages).' },
  ];
  const get = await admin(false, false, [], reasons);
  const answer = await get('/readyz');
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'not ready', reasons }]);
  const head = await get('/readyz', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([503, '']);
  const health = await get('/health');
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok', ready: false, reasons }]);
});

test('a connection in trouble is told: health stays 200, for a restart would not mend it', async () => {
  const trouble = {
    connection: 'contoso',
    part: 'graph-token',
    state: 'open',
    since: '2026-01-05T08:00:00.000Z',
    nextProbe: '2026-01-05T08:00:27.000Z',
    code: 'token-refused',
    text: 'The client secret has expired.',
  };
  const get = await admin(false, false, [trouble]);
  const answer = await get('/health');
  expect([answer.status, await answer.json()]).toEqual([200, { status: 'degraded', troubles: [trouble], ready: true }]);
  expect(await (await get('/metrics')).text()).toContain(
    'mailbridge_connection_paused{connection="contoso",part="graph-token"} 1',
  );
});

test('the metrics tell the queue, who has to sign in, and how the process does', async () => {
  const text = await (await (await admin(true))('/metrics')).text();
  expect(text).toContain('mailbridge_queue_messages{state="queued"} 3');
  expect(text).toContain('mailbridge_queue_messages{state="failed"} 0');
  expect(text).toContain('mailbridge_sign_in_needed{connection="contoso"} 1');
  expect(text).toContain('process_resident_memory_bytes');
  expect(await (await (await admin(false))('/metrics')).text()).toContain(
    'mailbridge_sign_in_needed{connection="contoso"} 0',
  );
});

test('the metrics tell the connections of clients, and how each worker does that runs', async () => {
  const text = await (await (await admin())('/metrics')).text();
  const own = text.split('\n').filter((line) => /^mailbridge_(?:client|worker)/.test(line));
  expect(own).toEqual([
    'mailbridge_client_connections{protocol="smtp"} 1',
    'mailbridge_client_connections{protocol="imap"} 5',
    'mailbridge_worker_connections{worker="1"} 2',
    'mailbridge_worker_connections{worker="2"} 0',
    'mailbridge_worker_starts{worker="1"} 1',
    'mailbridge_worker_starts{worker="2"} 3',
    'mailbridge_worker_cpu_seconds{worker="1"} 1.5',
    'mailbridge_worker_resident_memory_bytes{worker="1"} 70000000',
  ]);
});

test('a scrape asks the workers once for all that is told of them, and the next one anew', async () => {
  let asked = 0;
  const workers = async () => {
    asked++;
    return [{ worker: 1, clients: asked, starts: 1, usage: undefined }];
  };
  const server = await watched({ ...nothing, workers });
  onTestFinished(() => server.close());
  for (let scrape = 1; scrape <= 2; scrape++) {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    expect(text).toContain(`mailbridge_worker_connections{worker="1"} ${scrape}\n`);
  }
  expect(asked).toBe(2);
});

test('an instance that shares its queue tells with how many, and for how many mailboxes; one alone does not', async () => {
  const server = await watched({ ...nothing, sharing: () => ({ instances: 3, leases: 40 }) });
  onTestFinished(() => server.close());
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  expect(text).toMatch(/^mailbridge_instances 3$/m);
  expect(text).toMatch(/^mailbridge_leases_held 40$/m);
  expect(await (await (await admin())('/metrics')).text()).not.toMatch(/mailbridge_(?:instances|leases)/);
});

test('nothing else is there, and nothing can be changed', async () => {
  const get = await admin();
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics', { method: 'POST' })).status).toBe(405);
});

test('what cannot be read is a failure, not an empty page', async () => {
  expect((await (await admin(false, true))('/metrics')).status).toBe(500);
});

test('a port in use is the caller’s to tell', async () => {
  const first = await watched(nothing);
  onTestFinished(() => first.close());
  const again = watched(nothing, first.port);
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('health is told while 600 slow requests hold the port, of which the oldest are cut', async () => {
  const server = await watched(nothing);
  onTestFinished(() => server.close());
  let cut = 0;
  for (let count = 0; count < 600; count++) {
    const slow = connect(server.port, '127.0.0.1').on('error', () => {});
    slow.resume().once('close', () => cut++);
    onTestFinished(() => void slow.destroy());
    await once(slow, 'connect');
    slow.write('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  }
  expect((await fetch(`http://127.0.0.1:${server.port}/health`)).status).toBe(200);
  // Those beyond 500, and one for the request.
  await vi.waitFor(() => expect(cut).toBe(101));
});

test('a client that asks for the metrics thousands of times at once is cut, not answered ahead', async () => {
  let told = 0;
  const facts = { ...nothing, queue: async () => ({ queued: ++told }) };
  const server = await watched(facts);
  onTestFinished(() => server.close());
  const client = connect(server.port, '127.0.0.1').on('error', () => {});
  client.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000));
  client.resume();
  await new Promise((resolve) => client.once('close', resolve));
  expect(told).toBeLessThan(10);
});

test('of a client that sends thousands of requests at once only some are read', async () => {
  let requests = 0;
  const server = createServer((_, response) => void setImmediate(() => response.end('x')));
  boundSockets(server);
  server.on('request', () => requests++);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1').on('error', () => {});
  client.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_700));
  client.resume();
  await once(client, 'close');
  expect(requests).toBeLessThan(30);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'X-Long': 'y'.repeat(5_000) } });
  expect(await answer.text()).toBe('x');
});
