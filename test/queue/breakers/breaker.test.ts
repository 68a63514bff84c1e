import { describe, expect, onTestFinished, test } from 'vitest';
import { WaitingView } from '../../../src/queue/attempts/waiting.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import type { QueueOptions } from '../../../src/queue/queue.ts';
import { courierTraits } from '../courier-traits.ts';
import { openTestStore } from '../test-store.ts';
import { hourMs, minuteMs, OutageUpstream, outageQueue, outages, trouble } from './outage-world.ts';

const entra = outages['Entra ID answers 503'] as ReturnType<typeof trouble>;
const port = outages['the port refuses connections'] as ReturnType<typeof trouble>;
const loginRefused = { ...trouble('graph', 'InvalidAuthenticationToken', 'no'), isSure: false };
const sales = 'sales@contoso.example';

const bounces: QueueOptions['bouncesFor'] = async (message, { failed }) =>
  message.isBounce
    ? []
    : [
        {
          message: { ...message, isBounce: true, envelope: { ...message.envelope, reversePath: '' } },
          content: Buffer.from(failed.map(({ code }) => code).join(' ')),
        },
      ];

describe('a connection in trouble', () => {
  test('shows in the queue as paused, with the reason and the time of the next probe', async () => {
    const { clock, upstream, send, folder, queue } = outageQueue();
    upstream.outage = entra;
    const message = await send();
    const later = await send({ mailbox: sales });
    await clock.advance(10_000);
    const command = openTestStore(folder, { exclusive: false });
    onTestFinished(() => command.close());
    const nowMs = clock.now();
    const view = new WaitingView(command, {
      couriers: courierTraits,
      limits: { messagesPerMinute: 30, recipientsPerDay: 100 },
      isInternal: () => false,
      nowMs,
    });
    for (const { id } of [message, later]) {
      const waiting = await view.of((await command.get(id)) as QueuedMessage);
      expect(waiting).toMatchObject({ kind: 'breaker' });
      expect(waiting?.reason).toBe('connection contoso is paused: token-temporarily-unavailable HTTP 503');
      expect(waiting?.untilMs).toBeGreaterThanOrEqual(nowMs);
      expect(waiting?.untilMs).toBeLessThanOrEqual(nowMs + 27_000);
    }
    expect(queue.breakers()).toMatchObject([{ connection: 'contoso', part: 'graph-token', state: 'open' }]);
    upstream.outage = undefined;
    await clock.advance(30_000);
    expect(queue.breakers()).toEqual([]);
    expect(await command.pauses()).toEqual([]);
  });

  test('holds back its own mail alone', async () => {
    const { clock, upstream, send, store, lines } = outageQueue();
    upstream.answer = (message) =>
      message.mailbox === 'a@contoso.example' && upstream.outage ? { ...entra, trouble: entra } : {};
    upstream.outage = entra;
    await send({ mailbox: 'a@contoso.example' });
    await send({ mailbox: 'b@fabrikam.example', connection: 'fabrikam' });
    const bySmtp = await send({ mailbox: sales, courier: 'smtp' });
    await clock.advance(1000);
    expect(await store.count('delivered')).toBe(2);
    expect((await store.get(bySmtp.id))?.state).toBe('delivered');
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('what was under way when it began is noted, and due as soon as it is over', async () => {
    const { clock, upstream, sendMany, store } = outageQueue();
    upstream.latencyMs = () => 500;
    upstream.outage = port;
    await sendMany(10);
    await clock.advance(2 * minuteMs);
    const tried = (await store.list({}, 100)).filter(({ attempts }) => attempts > 0);
    expect(tried).toHaveLength(4);
    expect(await store.attempts(tried[0]?.id ?? '')).toMatchObject([{ outcomes: [{ code: port.code }] }]);
    upstream.outage = undefined;
    const overAtMs = clock.now();
    await clock.advance(35_000);
    expect(await store.count('delivered')).toBe(10);
    expect(Math.max(...upstream.seen.map(({ endedAtMs }) => endedAtMs)) - overAtMs).toBeLessThan(32_000);
  });

  test('a message that found out that the trouble goes on is as if it had not been tried', async () => {
    const { clock, upstream, sendMany, store, writes } = outageQueue({}, {}, { probe: async () => undefined });
    upstream.outage = port;
    await sendMany(3);
    await sendMany(3, { mailbox: sales });
    await clock.advance(20_000);
    const attempts = async () => (await store.list({}, 100)).reduce((sum, each) => sum + each.attempts, 0);
    const before = { attempts: await attempts(), writes: writes.messages, seen: upstream.seen.length };
    await clock.advance(10 * minuteMs);
    expect(upstream.seen.length).toBeGreaterThan(before.seen + 10);
    expect(upstream.seen.length).toBeLessThan(before.seen + 40);
    expect([await attempts(), writes.messages]).toEqual([before.attempts, before.writes]);
    // The mailboxes take turns: one whose mail always fails must not keep the others from showing that the trouble is
    // over.
    const byMailbox = upstream.seen.slice(before.seen).filter(({ mailbox }) => mailbox === sales).length;
    expect(byMailbox).toBeGreaterThan(3);
  });

  test('begins anew with few attempts after a restart', async () => {
    const before = outageQueue();
    before.upstream.outage = port;
    for (let i = 0; i < 40; i++) await before.sendMany(5, { mailbox: `m${i}@contoso.example` });
    await before.clock.advance(hourMs / 4);
    await before.stop();
    const upstream = new OutageUpstream(before.clock);
    upstream.outage = port;
    upstream.latencyMs = () => 50;
    const after = outageQueue({}, { folder: before.folder, clock: before.clock, upstream });
    await after.clock.advance(10 * minuteMs);
    expect(upstream.seen.length).toBeLessThanOrEqual(16);
    expect(await after.store.count('queued')).toBe(200);
    upstream.outage = undefined;
    await after.clock.advance(31_000);
    expect(await after.store.count('queued')).toBe(0);
  });

  test('is probed at once when settings change or an administrator asks, and not for each of many such wishes', async () => {
    const { clock, upstream, send, queue, store } = outageQueue();
    upstream.outage = entra;
    await send();
    await clock.advance(10 * minuteMs);
    const before = upstream.probes.length;
    await clock.advance(3000);
    for (let i = 0; i < 50; i++) {
      await queue.retryNow();
      await clock.advance(50);
    }
    expect(upstream.probes.length - before).toBeLessThanOrEqual(4);
    upstream.outage = undefined;
    await queue.retryNow();
    await clock.advance(2500);
    expect(await store.count('delivered')).toBe(1);
  });

  test('a reload during a probe of the old settings probes the new ones at once', async () => {
    const answers: ((trouble: typeof entra | undefined) => void)[] = [];
    const probe = () => new Promise<typeof entra | undefined>((resolve) => answers.push(resolve));
    const { clock, upstream, send, queue, store } = outageQueue({}, {}, { probe });
    upstream.outage = entra;
    await send();
    await clock.advance(2000);
    expect(answers).toHaveLength(1);
    upstream.outage = undefined;
    await queue.retryNow();
    answers[0]?.(entra);
    await clock.advance(2100);
    expect(answers).toHaveLength(2);
    answers[1]?.(undefined);
    await clock.advance(100);
    expect(await store.count('delivered')).toBe(1);
  });

  test('obeys Retry-After, but not for longer than five minutes', async () => {
    const { clock, upstream, send } = outageQueue();
    upstream.outage = { ...entra, retryAfterMs: 60_000 };
    await send();
    await clock.advance(59_000);
    expect(upstream.probes).toHaveLength(0);
    upstream.outage = { ...entra, retryAfterMs: 3_600_000 };
    await clock.advance(2000);
    expect(upstream.probes).toHaveLength(1);
    await clock.advance(5 * minuteMs);
    expect(upstream.probes).toHaveLength(2);
  });

  test('is probed after waits that grow to half a minute and differ from connection to connection', async () => {
    const waits = async (random: () => number) => {
      const { clock, upstream, send } = outageQueue({}, {}, { random });
      upstream.outage = entra;
      await send();
      await clock.advance(10 * minuteMs);
      return upstream.probes.slice(1).map((at, i) => at - (upstream.probes[i] ?? 0));
    };
    expect((await waits(() => 0.9999999)).slice(0, 7)).toEqual([2000, 4000, 8000, 16_000, 27_000, 27_000, 27_000]);
    expect((await waits(() => 0)).slice(0, 7)).toEqual([1600, 3200, 6400, 12_800, 21_600, 21_600, 21_600]);
  });

  test('a client that waits for a direct delivery is told at once', async () => {
    const { clock, upstream, send, queue } = outageQueue();
    upstream.outage = entra;
    await send();
    await clock.advance(100);
    const delivery = {
      connection: 'contoso',
      mailbox: sales,
      couriers: ['graph'],
      recipients: ['a@x.example'],
    } as const;
    expect(await queue.admit(delivery, 30_000)).toMatchObject({ admitted: false, trouble: { code: entra.code } });
    expect(await queue.admit({ ...delivery, couriers: ['smtp'] }, 30_000)).toMatchObject({ admitted: true });
    upstream.outage = undefined;
    await clock.advance(30_000);
    expect(await queue.admit(delivery, 30_000)).toMatchObject({ admitted: true });
  });

  test('a client that is waiting already when it begins is told at once, and its trouble counts', async () => {
    const { clock, queue } = outageQueue({ concurrentPerMailbox: 1 });
    const delivery = {
      connection: 'contoso',
      mailbox: sales,
      couriers: ['graph'],
      recipients: ['a@x.example'],
    } as const;
    const first = await queue.admit(delivery, 30_000);
    const second = queue.admit(delivery, 30_000);
    if (!first.admitted) throw new Error('no permit for the first');
    const outcome = { address: 'a@x.example', outcome: entra.outcome, code: entra.code, text: entra.text };
    first.ended({ recipients: [outcome], trouble: entra });
    expect(await second).toMatchObject({ admitted: false });
    expect(queue.breakers()).toHaveLength(1);
    await clock.advance(1000);
  });
});

describe('the time of a message that runs out while its connection is in trouble', () => {
  test('ends in a bounce without an attempt, and the log says so', async () => {
    const { clock, upstream, send, store, lines } = outageQueue({}, {}, { bouncesFor: bounces });
    upstream.outage = entra;
    await send({ mailbox: sales });
    await clock.advance(1000);
    const message = await send({ expiresAtMs: clock.now() + 2 * hourMs });
    const seen = upstream.seen.length;
    await clock.advance(2 * hourMs - minuteMs);
    expect((await store.get(message.id))?.state).toBe('queued');
    await clock.advance(3 * minuteMs);
    expect(await store.get(message.id)).toMatchObject({
      state: 'failed',
      attempts: 0,
      recipients: [{ state: 'failed', last: { code: entra.code, text: 'HTTP 503' } }],
    });
    expect(await store.attempts(message.id)).toEqual([]);
    expect((await store.list({}, 10)).filter(({ isBounce }) => isBounce)).toHaveLength(1);
    expect(upstream.seen.length).toBe(seen);
    const given = lines.filter(({ text, fields }) => /^expired/.test(text) && fields.id === message.id);
    expect(given).toHaveLength(1);
  });

  test('leaves an ambiguous recipient that may have got it: released, the message is looked for before it is sent', async () => {
    const ambiguousAttempts: unknown[] = [];
    const { clock, upstream, send, store, queue } = outageQueue({}, {}, { bouncesFor: bounces });
    const deliver = upstream.answer;
    upstream.answer = (message, call, courier) => {
      ambiguousAttempts.push(message.ambiguous?.addresses);
      return call === 1
        ? { outcome: 'temporary', code: 'upstream-ambiguous', text: 'cut' }
        : deliver(message, call, courier);
    };
    const message = await send({ expiresAtMs: clock.now() + 2 * hourMs });
    await clock.advance(1000);
    upstream.outage = entra;
    await send({ mailbox: sales });
    await clock.advance(2 * hourMs + 3 * minuteMs);
    expect(await store.get(message.id)).toMatchObject({
      state: 'failed',
      recipients: [{ state: 'failed', last: { code: 'upstream-ambiguous' } }],
    });
    upstream.outage = undefined;
    await clock.advance(minuteMs);
    ambiguousAttempts.length = 0;
    await store.release({ ids: [message.id] }, clock.now());
    await queue.retryNow();
    await clock.advance(minuteMs);
    expect(ambiguousAttempts).toEqual([message.recipients.map(({ address }) => address)]);
    expect((await store.get(message.id))?.state).toBe('delivered');
  });

  test('is not over because the clock was set ahead', async () => {
    const { clock, upstream, send, store } = outageQueue({}, {}, { bouncesFor: bounces });
    upstream.outage = entra;
    const message = await send({ expiresAtMs: clock.now() + 2 * hourMs });
    await clock.advance(5000);
    clock.set(30 * 24 * hourMs);
    await clock.advance(10 * minuteMs);
    expect((await store.get(message.id))?.state).toBe('queued');
    await clock.advance(2 * hourMs);
    expect((await store.get(message.id))?.state).toBe('failed');
  });

  test('is as long again where it was over before anything was tried', async () => {
    const { clock, upstream, send, store } = outageQueue({}, {}, { bouncesFor: bounces });
    upstream.outage = entra;
    await send({ mailbox: sales });
    await clock.advance(1000);
    const now = clock.now();
    const message = await send({ receivedAtMs: now - 72 * hourMs, expiresAtMs: now - 70 * hourMs });
    await clock.advance(hourMs);
    expect((await store.get(message.id))?.state).toBe('queued');
    await clock.advance(hourMs + 2 * minuteMs);
    expect((await store.get(message.id))?.state).toBe('failed');
  });

  test('the warning of a delay names the trouble', async () => {
    const told: (string | undefined)[] = [];
    const { clock, upstream, send } = outageQueue(
      {},
      {},
      {
        delayWarnings: {
          afterMs: hourMs,
          warningFor: async ({ recipients }) => {
            told.push(recipients[0]?.last?.text);
            return undefined;
          },
        },
      },
    );
    upstream.outage = entra;
    await send({ mailbox: sales });
    await clock.advance(1000);
    await send();
    await clock.advance(hourMs + 10 * minuteMs);
    expect(told).toEqual(['HTTP 503', 'HTTP 503']);
  });
});

describe('trouble that may be one mailbox’s', () => {
  const isOf =
    (...mailboxes: string[]) =>
    (each: { readonly mailbox: string }) =>
      mailboxes.includes(each.mailbox);

  test('stays with that mailbox, and the others go on', async () => {
    const { clock, upstream, send, store, queue } = outageQueue();
    upstream.answer = (message) =>
      isOf(sales)(message) ? { ...loginRefused, outcome: 'needs-admin', trouble: loginRefused } : {};
    for (let i = 0; i < 6; i++) {
      await send({ mailbox: sales });
      await send({ mailbox: 'a@contoso.example' });
      await clock.advance(20_000);
    }
    expect(queue.breakers()).toEqual([]);
    expect(await store.count('delivered')).toBe(6);
    expect(upstream.seen.filter(isOf(sales)).length).toBeLessThan(4);
  });

  test('is the connection’s when three mailboxes have it and none has not, and over with the first that works', async () => {
    const { clock, upstream, send, store, queue } = outageQueue({}, {}, { probe: async () => undefined });
    let isRefused = true;
    upstream.answer = () => (isRefused ? { ...loginRefused, outcome: 'needs-admin', trouble: loginRefused } : {});
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await send({ mailbox: `${name}@contoso.example` });
    await clock.advance(10 * minuteMs);
    expect(queue.breakers()).toMatchObject([{ part: 'graph', trouble: { code: 'InvalidAuthenticationToken' } }]);
    expect(upstream.seen.length).toBeLessThan(45);
    isRefused = false;
    await clock.advance(31_000);
    expect(queue.breakers()).toEqual([]);
    expect(await store.count('delivered')).toBeGreaterThanOrEqual(5);
  });
});
