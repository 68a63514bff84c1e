import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/relay.ts';
import { startAdministered } from './admin-world.ts';

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads a stream of events as a browser does. */
function follow(answer: Response): { readonly events: Told[]; ended(): boolean } {
  const events: Told[] = [];
  let isOver = false;
  const read = async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (event !== undefined) events.push({ event, data: JSON.parse(data ?? '') });
      }
    }
  };
  void read()
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  return { events, ended: () => isOver };
}

test('who looks on sees a message come and go, the log, the overview, and each hop of a check', async () => {
  const { ask, call, send } = await startAdministered();
  const answer = await ask('GET', '/events');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const { events } = follow(answer);
  onTestFinished(() => answer.body?.cancel().catch(() => {}));
  await until('the first overview', () => events.find(({ event }) => event === 'overview'));
  await send('graph', { to: 'alice@contoso.com', subject: 'seen as it goes' });
  const gone = await until('the delivery', () =>
    events.find(({ event, data }) => event === 'message' && data.state === 'delivered'),
  );
  const states = events.filter(({ event, data }) => event === 'message' && data.id === gone.data.id);
  expect(states.map(({ data }) => data.state)).toEqual(['queued', 'delivered']);
  expect(events.some(({ event, data }) => event === 'log' && data.msg === 'accepted')).toBe(true);
  await until('the next overview', () =>
    events.find(({ event, data }) => event === 'overview' && JSON.stringify(data).includes('"deliveredLastDay":1')),
  );
  const { run } = (await call('POST', '/connections/contoso/check')).body as { run: string };
  await until('the end of the check', () => events.find(({ event, data }) => event === 'check' && data.done === true));
  const hops = events.filter(({ event, data }) => event === 'check' && data.run === run && data.hop);
  expect(hops.length).toBeGreaterThan(5);
  const told = hops.map(({ data }) => data.hop as { state: string; hop: string; target: string });
  const running = told.filter(({ state }) => state === 'running');
  expect(running.length).toBeGreaterThan(5);
  for (const { hop, target } of running) {
    const own = told.filter((each) => each.hop === hop && each.target === target);
    const result = expect.stringMatching(/^(ok|skipped)$/);
    expect([hop, target, own.map(({ state }) => state)]).toEqual([hop, target, ['running', result]]);
  }
  const { hops: kept } = (await call('GET', `/checks/${run}`)).body as { hops: { state: string }[] };
  expect(kept.map(({ state }) => state)).not.toContain('running');
});

test('a stream ends with the session that it began with', async () => {
  const { origin, token } = await startAdministered();
  const signedIn = await fetch(`${origin}/api/v1/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  const headers = { Cookie: signedIn.headers.get('set-cookie')?.split(';')[0] ?? '' };
  const { csrfToken } = (await (await fetch(`${origin}/api/v1/session`, { headers })).json()) as { csrfToken: string };
  const stream = follow(await fetch(`${origin}/api/v1/events`, { headers }));
  await until('the first overview', () => stream.events.length > 0);
  expect(stream.ended()).toBe(false);
  await fetch(`${origin}/api/v1/session`, { method: 'DELETE', headers: { ...headers, 'X-CSRF-Token': csrfToken } });
  await until('the end of the stream', () => stream.ended());
});

test('a bridge stops while somebody looks on', async () => {
  const { ask, bridge } = await startAdministered();
  const stream = follow(await ask('GET', '/events'));
  await until('the first overview', () => stream.events.length > 0);
  await bridge.stop();
  await until('the end of the stream', () => stream.ended());
});
