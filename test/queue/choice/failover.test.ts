import { describe, expect, test } from 'vitest';
import type { CourierKind, CourierOrder } from '../../../src/message/courier-kind.ts';
import { failoverQueue, hourMs, minuteMs, reports, type Shut, ways } from './failover-world.ts';

const orders: readonly (readonly [CourierKind, CourierKind])[] = [
  ['graph', 'smtp'],
  ['smtp', 'graph'],
];
const outages = ['unreachable', 'unavailable'] as const;
const names = { graph: 'Graph', smtp: 'SMTP' };

/** Sends a message at this interval, for this long. */
async function load(
  { clock, send }: Pick<ReturnType<typeof failoverQueue>, 'clock' | 'send'>,
  everyMs: number,
  forMs: number,
) {
  const sent: string[] = [];
  for (let ms = 0; ms < forMs; ms += everyMs) {
    sent.push((await send()).id);
    await clock.advance(everyMs);
  }
  return sent;
}

/** How often each message was delivered; undelivered messages have no entry. */
async function deliveries({ store }: Pick<ReturnType<typeof failoverQueue>, 'store'>, ids: readonly string[]) {
  const attempts = await Promise.all(ids.map((id) => store.attempts(id)));
  return attempts.map((each) => each.filter(({ outcomes: [said] }) => said?.outcome === 'delivered').length);
}

describe.each(orders)('with %s shut for ten minutes under load, mail goes by %s', (first, second) => {
  test.each(outages)('(%s) within the limits of both, nothing twice, nothing lost, and back by probe', async (way) => {
    const order: CourierOrder = [first, second];
    const world = failoverQueue(order, { messagesPerMinute: 30, recipientsPerDay: 10_000 });
    const { clock, upstream, store, texts, bounced } = world;
    upstream.latencyMs = () => 1500;
    const before = await load(world, 4000, 2 * minuteMs);
    const shutAtMs = clock.now();
    upstream.shut.set(first, ways[way](first));
    const during = await load(world, 2500, 10 * minuteMs);
    const openAtMs = clock.now();
    upstream.shut.delete(first);
    const after = await load(world, 10_000, 12 * minuteMs);
    await clock.advance(5 * minuteMs);

    const all = [...before, ...during, ...after];
    expect(await deliveries(world, all)).toEqual(all.map(() => 1));
    expect(await store.count('delivered')).toBe(all.length);
    expect(bounced).toEqual([]);
    // During its first minute, an outage is waited out; after that, all mail of these ten minutes is sent by the other
    // courier.
    expect(upstream.by(second, 0, shutAtMs + minuteMs)).toEqual([]);
    const takenOver = upstream.by(second, shutAtMs + minuteMs, openAtMs);
    expect(takenOver.length).toBeGreaterThanOrEqual(during.length - 15);
    expect(upstream.mostWithin(reports, minuteMs, () => 1)).toBeLessThanOrEqual(30);
    for (const [courier, most] of [['graph', 4] as const, ['smtp', 3] as const]) {
      expect(upstream.mostOf.get(`${reports} ${courier}`) ?? 0).toBeLessThanOrEqual(most);
    }
    // Back: at the end, everything is sent by the first again, and stays there.
    const backAtMs = upstream.by(first, openAtMs)[0]?.endedAtMs ?? Number.NaN;
    expect(backAtMs - openAtMs).toBeLessThan(9 * minuteMs);
    expect(upstream.by(second, backAtMs + 10_000)).toEqual([]);
    expect(texts()).toEqual([
      expect.stringMatching(new RegExp(`uses ${names[second]}: ${names[first]} unavailable since .*${first} is down`)),
      expect.stringMatching(new RegExp(`uses ${names[first]} again after \\d+ s`)),
    ]);
  });

  test('where it lacks a permission, at once, and is tried again after ten minutes, then more and more seldom', async () => {
    const world = failoverQueue([first, second]);
    const { clock, upstream, lines } = world;
    upstream.shut.set(first, ways.noPermission());
    const startMs = clock.now();
    const ids = await load(world, minuteMs, 3 * hourMs);
    expect(await deliveries(world, ids)).toEqual(ids.map(() => 1));
    const tries = upstream.by(first).map(({ startedAtMs }) => Math.round((startedAtMs - startMs) / minuteMs));
    expect(tries).toEqual([0, 10, 30, 70, 130]);
    // It is sent on at once, and reported loudly once.
    const bySecond = upstream.by(second);
    expect(bySecond[0]!.startedAtMs - startMs).toBeLessThan(100);
    const loud = lines.filter(({ level }) => level === 'error');
    expect(loud.map(({ text }) => text)).toEqual([expect.stringContaining('ErrorAccessDenied 403 Grant it.')]);
    upstream.shut.delete(first);
    await world.queue.retryNow();
    await load(world, 30_000, 5 * minuteMs);
    expect(upstream.by(second, clock.now() - 4 * minuteMs)).toEqual([]);
  });

  test('where its daily limit is reached, until the limit lets it go on', async () => {
    const world = failoverQueue([first, second], { messagesPerMinute: 30 });
    const { clock, upstream, store } = world;
    const startMs = clock.now();
    upstream.answer = (_message, _call, courier) =>
      courier === first && upstream.by(first).length > 20 && clock.now() < startMs + 3 * hourMs
        ? ways.dailyLimit()
        : {};
    const ids = await load(world, 60_000, 5 * hourMs);
    expect(await deliveries(world, ids)).toEqual(ids.map(() => 1));
    expect(await store.count('delivered')).toBe(ids.length);
    expect(upstream.by(second).length).toBeGreaterThan(150);
    expect(upstream.by(second, startMs + 4 * hourMs)).toEqual([]);
    // The refused one, and one to see whether it is over: after one hour, and after two more.
    const refused = upstream.by(first, startMs + 21 * minuteMs, startMs + 3 * hourMs);
    expect(refused.length).toBeLessThanOrEqual(2);
  });
});

test('both shut: mail waits as with one, and goes by whichever opens first', async () => {
  const world = failoverQueue();
  const { clock, upstream, store } = world;
  upstream.shut.set('graph', ways.unreachable('graph'));
  upstream.shut.set('smtp', ways.noPermission());
  const ids = await load(world, 10_000, 5 * minuteMs);
  expect(await store.count('queued')).toBe(ids.length);
  upstream.shut.delete('smtp');
  await clock.advance(15 * minuteMs);
  expect(await store.count('delivered')).toBe(ids.length);
  expect(upstream.by('graph', clock.now() - 14 * minuteMs)).toEqual([]);
});

test('an outage shorter than the failover time is waited for, and costs no switch', async () => {
  const world = failoverQueue();
  const { clock, upstream, store, texts } = world;
  upstream.shut.set('graph', ways.unreachable('graph'));
  const ids = await load(world, 5000, 40_000);
  upstream.shut.delete('graph');
  await clock.advance(2 * minuteMs);
  expect(await store.count('delivered')).toBe(ids.length);
  expect(upstream.by('smtp')).toEqual([]);
  expect(texts()).toEqual([]);
});

test('with 0 seconds the other one takes over at the first failure', async () => {
  const world = failoverQueue(['graph', 'smtp'], {}, { failoverAfterMs: 0 });
  const { soon, clock, upstream, store } = world;
  upstream.shut.set('graph', ways.unavailable('graph'));
  const startMs = clock.now();
  await world.send();
  await soon();
  expect(await store.count('delivered')).toBe(1);
  expect(upstream.by('smtp')[0]!.startedAtMs - startMs).toBeLessThan(100);
});

describe('a message that one courier cannot take for what it is', () => {
  const notSendable: Shut = {
    outcome: 'permanent',
    code: 'message-not-sendable-by-graph',
    text: 'lossy',
    ofCourier: true,
  };

  test('goes by the other at once, others stay, and nothing is bounced', async () => {
    const { soon, upstream, send, store, bounced, texts } = failoverQueue();
    const large = 'large@contoso.example';
    upstream.answer = ({ envelope }, _call, courier) =>
      courier === 'graph' && envelope.recipients[0]?.address === large ? notSendable : {};
    const one = await send({}, [large]);
    const two = await send();
    await soon();
    expect((await store.attempts(one.id)).map(({ courier }) => courier)).toEqual(['graph', 'smtp']);
    expect(await store.get(one.id)).toMatchObject({ state: 'delivered', courier: 'smtp' });
    expect((await store.attempts(two.id)).map(({ courier }) => courier)).toEqual(['graph']);
    expect([bounced, texts()]).toEqual([[], []]);
  });

  test('by none: it is bounced, once', async () => {
    const { soon, upstream, send, store, bounced } = failoverQueue();
    upstream.answer = () => notSendable;
    const { id } = await send();
    await soon();
    expect(upstream.seen.map(({ courier }) => courier)).toEqual(['graph', 'smtp']);
    expect([(await store.get(id))?.state, bounced]).toEqual(['failed', [id]]);
  });

  test('while that one is shut it does not hold up what others go by', async () => {
    const { clock, upstream, send, store } = failoverQueue();
    upstream.shut.set('smtp', ways.noPermission());
    upstream.answer = ({ envelope }, _call, courier) =>
      upstream.shut.get(courier) ?? (envelope.recipients[0]?.address === 'large@contoso.example' ? notSendable : {});
    for (let i = 0; i < 60; i++) await send({}, ['large@contoso.example']);
    await clock.advance(2000);
    const small = await send();
    await clock.advance(2 * minuteMs);
    expect((await store.get(small.id))?.state).toBe('delivered');
    upstream.shut.clear();
    upstream.answer = (_message, _call, courier) => (courier === 'graph' ? notSendable : {});
    await clock.advance(hourMs);
    expect(await store.count('delivered')).toBe(61);
  });

  test.each([
    ['lacks a permission', ways.noPermission()],
    ['has reached its daily limit', ways.dailyLimit()],
  ])('while that one %s, and shows it at each try, what others go by is not paused', async (_, shut) => {
    const { clock, upstream, send, store } = failoverQueue();
    upstream.shut.set('smtp', shut);
    upstream.answer = ({ envelope }, _call, courier) =>
      upstream.shut.get(courier) ??
      (courier === 'graph' && envelope.recipients[0]?.address === 'large@contoso.example' ? notSendable : {});
    const large = await send({}, ['large@contoso.example']);
    await clock.advance(1000);
    const slow: string[] = [];
    for (let minute = 0; minute < 2 * 60; minute++) {
      const { id } = await send();
      await clock.advance(1000);
      if ((await store.get(id))?.state !== 'delivered') slow.push(id);
      await clock.advance(minuteMs - 1000);
    }
    expect(slow).toEqual([]);
    expect((await store.pauses()).map(({ key }) => key)).toEqual([`contoso/${reports} by smtp`]);
    upstream.shut.clear();
    await clock.advance(7 * hourMs);
    expect(await store.get(large.id)).toMatchObject({ state: 'delivered', courier: 'smtp' });
    expect(await store.pauses()).toEqual([]);
  });

  test('of its recipients each goes by the one that takes it', async () => {
    const { soon, upstream, send, store } = failoverQueue(['smtp', 'graph']);
    upstream.answer = (_message, _call, courier) =>
      courier === 'smtp'
        ? (address) => (address.startsWith('ü') ? { ...notSendable, code: 'address-not-sendable' } : {})
        : {};
    const { id } = await send({}, ['ann@contoso.example', 'ü@contoso.example']);
    await soon();
    expect(upstream.seen.map(({ courier, to }) => [courier, to])).toEqual([
      ['smtp', ['ann@contoso.example', 'ü@contoso.example']],
      ['graph', ['ü@contoso.example']],
    ]);
    expect((await store.get(id))?.state).toBe('delivered');
  });
});

test('a refusal of the message itself is no reason to switch', async () => {
  const { clock, upstream, send, bounced } = failoverQueue();
  upstream.answer = () => ({ outcome: 'permanent', code: 'ErrorSendAsDenied', text: 'no' });
  const { id } = await send();
  await clock.advance(hourMs);
  expect(upstream.seen.map(({ courier }) => courier)).toEqual(['graph']);
  expect(bounced).toEqual([id]);
});

test('what concerns the mailbox pauses it for both', async () => {
  const { clock, upstream, send, store } = failoverQueue();
  upstream.answer = () => ({
    ...{ outcome: 'needs-admin', code: 'ErrorQuotaExceeded', text: 'full', scope: 'mailbox' },
    ...{ pauseMailboxMs: 10 * minuteMs, retryAfterMs: 10 * minuteMs },
  });
  await send();
  await clock.advance(5 * minuteMs);
  expect(upstream.seen.map(({ courier }) => courier)).toEqual(['graph']);
  expect((await store.pauses()).map(({ key }) => key)).toEqual([`contoso/${reports}`]);
});

test('a message past its time whose courier turns out to be shut goes by the other one, and is not bounced', async () => {
  const { clock, upstream, send, store, bounced } = failoverQueue();
  upstream.latencyMs = () => 2000;
  upstream.shut.set('graph', ways.noPermission());
  const { id } = await send({ expiresAtMs: clock.now() + 1000 });
  await clock.advance(minuteMs);
  expect([(await store.get(id))?.state, bounced]).toEqual(['delivered', []]);
});

test('each attempt is kept with its courier, and with why the preferred one was not used', async () => {
  const world = failoverQueue();
  const { soon, upstream, send, store } = world;
  upstream.shut.set('graph', ways.noPermission());
  const first = await send();
  await soon();
  const next = await send();
  await soon();
  const passedOver = [{ courier: 'graph', code: 'ErrorAccessDenied', text: '403 Grant it.' }];
  expect(await store.attempts(first.id)).toMatchObject([{ courier: 'graph' }, { courier: 'smtp', passedOver }]);
  expect(await store.attempts(next.id)).toMatchObject([{ courier: 'smtp', passedOver }]);
  expect((await store.get(next.id))?.courier).toBe('smtp');
});

test('a courier that is tried again and only puts the message off stays shut: the message goes by the other one, and never round and round', async () => {
  const { clock, upstream, send, store } = failoverQueue();
  upstream.shut.set('graph', ways.noPermission());
  await send();
  await clock.advance(11 * minuteMs);
  // Neither a delivery nor a refusal that shows that the mailbox is shut.
  upstream.shut.set('graph', { outcome: 'temporary', code: '4.4.7', text: 'later' });
  const { id } = await send();
  await clock.advance(100);
  expect((await store.attempts(id)).map(({ courier }) => courier)).toEqual(['graph', 'smtp']);
  expect((await store.get(id))?.state).toBe('delivered');
  await clock.advance(5 * minuteMs);
  const next = await send();
  await clock.advance(1000);
  expect((await store.attempts(next.id)).map(({ courier }) => courier)).toEqual(['smtp']);
});
