import { describe, expect, onTestFinished, test } from 'vitest';
import type { RecipientOutcome } from '../../../src/message/delivery.ts';
import { settle } from '../../support/fake-clock.ts';
import { meteredQueue } from '../metered-world.ts';
import { openTestStore } from '../test-store.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

const quota: Partial<RecipientOutcome> & { pauseMailboxMs: number } = {
  outcome: 'temporary',
  code: '5.2.0',
  text: 'SubmissionQuotaExceededException',
  scope: 'mailbox',
  retryAfterMs: hourMs,
  pauseMailboxMs: hourMs,
};

describe('concurrency', () => {
  test('is what Microsoft allows: 3 by SMTP, and beside them 4 by Graph', async () => {
    const { sendMany, clock, upstream } = meteredQueue();
    upstream.latencyMs = () => 10 * secondMs;
    await sendMany(20, { account: 'scanner', courier: 'graph' });
    await sendMany(20, { account: 'erp', courier: 'smtp' });
    await clock.advance(5 * minuteMs);
    expect([...upstream.mostOf.values()].sort()).toEqual([3, 4]);
    expect(upstream.seen).toHaveLength(40);
  });

  test('is the configured one for both where there is one', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ concurrentPerMailbox: 2 });
    upstream.latencyMs = () => secondMs;
    await sendMany(8, { courier: 'smtp' });
    await clock.advance(minuteMs);
    expect([...upstream.mostOf.values()]).toEqual([2]);
  });

  test('one huge message takes one permit, and the others of its mailbox go on', async () => {
    const { sendMany, clock, upstream } = meteredQueue();
    upstream.latencyMs = () => (upstream.seen.length === 0 ? hourMs : secondMs);
    await sendMany(30);
    await clock.advance(2 * minuteMs);
    expect(upstream.seen.filter((each) => Number.isFinite(each.endedAtMs))).toHaveLength(29);
  });

  test('a connection that hangs leaves a quarter of the permits to the others', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ concurrentDeliveries: 8 });
    upstream.latencyMs = ({ mailbox }) => (mailbox.startsWith('hanging') ? 10 * hourMs : secondMs);
    for (let i = 0; i < 20; i++) await sendMany(3, { connection: 'contoso', mailbox: `hanging${i}@contoso.example` });
    await sendMany(50, { connection: 'fabrikam', mailbox: 'reports@fabrikam.example' });
    await clock.advance(2 * minuteMs);
    expect(upstream.times('reports@fabrikam.example')).toHaveLength(50);
    expect(upstream.mostAtOnce).toBe(8);
  });
});

describe('accounts that share a mailbox', () => {
  test('take turns: one message waits for one of the flood, not for all', async () => {
    const { send, sendMany, clock, upstream } = meteredQueue({ messagesPerMinute: 30 });
    await sendMany(500, { account: 'erp' });
    const one = await send({ account: 'scanner' });
    const two = await send({ account: 'alarm' });
    await clock.advance(3 * minuteMs);
    const order = upstream.seen.map(({ id }) => id);
    expect(order.indexOf(one.id)).toBeGreaterThan(0);
    expect(order.indexOf(one.id)).toBeLessThanOrEqual(31);
    expect(order.indexOf(two.id)).toBeLessThanOrEqual(32);
  });

  test('take turns after a restart as well', async () => {
    const before = meteredQueue({ messagesPerMinute: 1 });
    await before.sendMany(200, { account: 'erp' });
    await before.sendMany(5, { account: 'scanner' });
    await before.stop();
    const after = meteredQueue({ messagesPerMinute: 1000 }, { folder: before.folder, clock: before.clock });
    await after.clock.advance(minuteMs);
    const scanner = (await after.store.list({ account: 'scanner' }, 10)).map(({ id }) => id);
    const places = after.upstream.seen.flatMap(({ id }, i) => (scanner.includes(id) ? [i] : []));
    expect(places.length).toBeGreaterThan(2);
    expect(Math.max(...places)).toBeLessThan(12);
    expect(after.upstream.seen.length + before.upstream.seen.length).toBe(205);
  });
});

describe('recipients of the day', () => {
  test('only those served count: attempts that fail use nothing up', async () => {
    const { send, clock, upstream, store } = meteredQueue({ recipientsPerDay: 10 });
    upstream.answer = (_, call) => (call < 6 ? { outcome: 'temporary', code: '4.4.1', text: 'no answer' } : {});
    const to = Array.from({ length: 8 }, (_, i) => `${i}@contoso.example`);
    const message = await send({}, to);
    await clock.advance(5 * hourMs);
    expect(upstream.seen).toHaveLength(6);
    expect((await store.get(message.id))?.state).toBe('delivered');
  });

  test('a message that has gone does not take its count with it', async () => {
    const limits = { recipientsPerDay: 5 };
    const before = meteredQueue(limits);
    await before.sendMany(1, {}, ['a@contoso.example', 'b@contoso.example', 'c@contoso.example']);
    await before.clock.advance(secondMs);
    expect(await before.store.remove({})).toBe(1);
    await before.stop();
    const after = meteredQueue(limits, { folder: before.folder, clock: before.clock });
    await after.sendMany(1, {}, ['d@contoso.example', 'e@contoso.example', 'f@contoso.example']);
    await after.clock.advance(22 * hourMs);
    expect(after.upstream.seen).toHaveLength(0);
    await after.clock.advance(3 * hourMs);
    expect(after.upstream.seen).toHaveLength(1);
  });
});

describe('what Microsoft says', () => {
  test('a quota holds the mailbox an hour, then longer and longer, with one try each time', async () => {
    const { sendMany, clock, upstream, store } = meteredQueue();
    let over = true;
    upstream.answer = () => (over ? quota : {});
    await sendMany(10);
    await clock.advance(20 * hourMs);
    const times = upstream.times('reports@contoso.example');
    const rounds = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / hourMs));
    expect(rounds.filter((hours) => hours > 0)).toEqual([1, 2, 4, 6, 6]);
    over = false;
    await clock.advance(7 * hourMs);
    expect(await store.count('delivered')).toBe(10);
    expect(await store.pauses()).toEqual([]);
  });

  test('a pause outlives a restart', async () => {
    const before = meteredQueue();
    before.upstream.answer = () => quota;
    await before.sendMany(1);
    await before.stop();
    const after = meteredQueue({}, { folder: before.folder, clock: before.clock });
    await after.sendMany(3);
    await after.clock.advance(45 * minuteMs);
    expect(after.upstream.seen).toHaveLength(0);
    await after.clock.advance(30 * minuteMs);
    expect(await after.store.count('delivered')).toBe(4);
  });

  test('attempts that were under way when a pause began do not make it longer', async () => {
    const { sendMany, clock, upstream, store } = meteredQueue();
    upstream.latencyMs = () => secondMs;
    upstream.answer = () => ({ ...quota, code: '429', retryAfterMs: minuteMs, pauseMailboxMs: minuteMs });
    await sendMany(4);
    await clock.advance(10 * secondMs);
    expect(await store.pauses()).toMatchObject([{ key: 'contoso/reports@contoso.example', code: '429', strikes: 1 }]);
  });

  test('a wait for an administrator is over with a restart', async () => {
    const before = meteredQueue();
    before.upstream.answer = () => ({ outcome: 'needs-admin', code: '5.7.3', text: 'no', pauseMailboxMs: hourMs });
    await before.sendMany(1);
    await before.clock.advance(secondMs);
    expect(await before.store.pauses()).toMatchObject([{ needsAdmin: true }]);
    await before.store.release({}, before.clock.now());
    await before.stop();
    const after = meteredQueue({}, { folder: before.folder, clock: before.clock });
    await after.clock.advance(secondMs);
    expect(after.upstream.seen).toHaveLength(1);
  });

  test('the external limit of the tenant stops external mail of all its mailboxes, and no other mail', async () => {
    const { send, sendMany, clock, upstream } = meteredQueue();
    const start = clock.now();
    upstream.answer = () =>
      clock.now() < start + hourMs
        ? (address: string) =>
            address.endsWith('@x.example')
              ? { outcome: 'temporary', code: '5.7.233', text: 'limit', scope: 'tenant', retryAfterMs: hourMs }
              : {}
        : {};
    await send({ mailbox: 'a@contoso.example' }, ['one@x.example']);
    await settle();
    await sendMany(60, { mailbox: 'b@contoso.example' }, ['two@x.example']);
    await sendMany(1, { mailbox: 'b@contoso.example' }, ['three@contoso.example']);
    await sendMany(1, { mailbox: 'c@contoso.example', connection: 'fabrikam' }, ['four@x.example']);
    await clock.advance(50 * minuteMs);
    expect(upstream.seen.map((each) => each.to[0])).toEqual([
      'one@x.example',
      'three@contoso.example',
      'four@x.example',
    ]);
    await clock.advance(6 * hourMs);
    expect(upstream.times('b@contoso.example')).toHaveLength(61);
  });
});

describe('the external recipients of a connection', () => {
  test('are counted over all its mailboxes, across a restart', async () => {
    const limits = { externalRecipientsPerDay: 10 };
    const before = meteredQueue(limits);
    await before.sendMany(4, { mailbox: 'a@contoso.example' }, ['1@x.example', '2@x.example', '3@contoso.example']);
    await before.clock.advance(minuteMs);
    expect(before.upstream.seen).toHaveLength(4);
    await before.stop();
    const after = meteredQueue(limits, { folder: before.folder, clock: before.clock });
    await after.sendMany(3, { mailbox: 'b@contoso.example' }, ['4@x.example']);
    await after.sendMany(1, { mailbox: 'b@contoso.example' }, ['5@contoso.example']);
    await after.clock.advance(23 * hourMs);
    expect(after.upstream.seen.map((each) => each.to[0])).toEqual(['4@x.example', '4@x.example', '5@contoso.example']);
    await after.clock.advance(2 * hourMs);
    expect(after.upstream.seen).toHaveLength(4);
  });

  test('a mailbox that has used its even share leaves a quarter to the others', async () => {
    const { sendMany, clock, upstream } = meteredQueue({ externalRecipientsPerDay: 100 });
    await sendMany(1, { mailbox: 'quiet@contoso.example' }, ['1@x.example']);
    await sendMany(300, { mailbox: 'flood@contoso.example' }, ['2@x.example']);
    await clock.advance(hourMs);
    expect(upstream.times('flood@contoso.example')).toHaveLength(74);
    await sendMany(20, { mailbox: 'quiet@contoso.example' }, ['1@x.example']);
    await clock.advance(minuteMs);
    expect(upstream.times('quiet@contoso.example')).toHaveLength(21);
  });
});

describe('a direct delivery', () => {
  const direct = (recipients = ['ann@contoso.example']) => ({
    connection: 'contoso',
    mailbox: 'reports@contoso.example',
    couriers: ['graph'] as const,
    recipients,
  });
  const delivered = (to: readonly string[]) => ({
    recipients: to.map((address) => ({ address, outcome: 'delivered' as const, code: '202', text: 'OK' })),
  });

  test('takes its part of the limits, and gives its permit back', async () => {
    const { queue, sendMany, clock, upstream } = meteredQueue({ messagesPerMinute: 2 });
    const admission = await queue.admit(direct(), 0);
    if (!admission.admitted) throw new Error('refused');
    admission.ended(delivered(['ann@contoso.example']));
    await sendMany(2);
    expect(upstream.seen).toHaveLength(1);
    expect(await queue.admit(direct(), 0)).toEqual({ admitted: false, retryAfterMs: minuteMs });
    await clock.advance(minuteMs);
    expect(upstream.seen).toHaveLength(2);
  });

  test('waits for a permit, and goes before the queue', async () => {
    const { queue, sendMany, clock, upstream } = meteredQueue();
    upstream.latencyMs = () => 10 * secondMs;
    await sendMany(20);
    const waiting = queue.admit(direct(), 30 * secondMs);
    await clock.advance(10 * secondMs);
    expect(await waiting).toMatchObject({ admitted: true });
    expect(upstream.seen).toHaveLength(7);
  });

  test('is refused when its patience ends', async () => {
    const { queue, sendMany, clock, upstream } = meteredQueue();
    upstream.latencyMs = () => hourMs;
    await sendMany(4);
    const waiting = queue.admit(direct(), 30 * secondMs);
    await clock.advance(30 * secondMs);
    expect(await waiting).toEqual({ admitted: false, retryAfterMs: 1000 });
  });

  test('that was not made counts for nothing', async () => {
    const { queue } = meteredQueue({ messagesPerMinute: 1 });
    for (let i = 0; i < 3; i++) {
      const admission = await queue.admit(direct(), 0);
      expect(admission.admitted).toBe(true);
      if (admission.admitted) admission.ended(undefined);
    }
  });

  test('counts after a restart, though nothing else of it is kept', async () => {
    const before = meteredQueue({ recipientsPerDay: 3 });
    const admission = await before.queue.admit(direct(), 0);
    if (admission.admitted) admission.ended(delivered(['ann@contoso.example', 'bo@contoso.example']));
    await settle();
    await before.stop();
    const store = openTestStore(before.folder, { exclusive: false });
    onTestFinished(() => store.close());
    expect(await store.list({}, 10)).toEqual([]);
    const after = meteredQueue({ recipientsPerDay: 3 }, { folder: before.folder, clock: before.clock });
    const next = await after.queue.admit(direct(['a@contoso.example', 'b@contoso.example']), 0);
    expect(next.admitted).toBe(false);
  });

  test('makes the mailbox rest when Microsoft asks for it', async () => {
    const { queue, sendMany, clock, upstream } = meteredQueue();
    const admission = await queue.admit(direct(), 0);
    const [refused] = delivered(['ann@contoso.example']).recipients;
    if (admission.admitted && refused) {
      admission.ended({ recipients: [{ ...refused, outcome: 'temporary', code: '429' }], pauseMailboxMs: minuteMs });
    }
    await sendMany(1);
    await clock.advance(minuteMs - 1);
    expect(upstream.seen).toHaveLength(0);
    await clock.advance(1);
    expect(upstream.seen).toHaveLength(1);
  });
});
