import { expect, test } from 'vitest';
import type { OutgoingMessage } from '../../../src/message/delivery.ts';
import { minuteMs, outageQueue, trouble } from './outage-world.ts';

const refused = { ...trouble('graph', 'InvalidAuthenticationToken', 'no'), isSure: false };
const sound = 'sound@contoso.example';

/** Mailboxes whose mail never gets through, whatever happens to others. */
async function withBrokenMailboxes(count: number) {
  const world = outageQueue({}, {}, { probe: async () => undefined });
  world.upstream.latencyMs = () => 300;
  world.upstream.answer = ({ mailbox }: OutgoingMessage) =>
    mailbox === sound ? {} : { ...refused, outcome: 'needs-admin', trouble: refused };
  for (let i = 0; i < count; i++) {
    for (let each = 0; each < 3; each++) await world.send({ mailbox: `broken${i}@contoso.example` });
  }
  await world.clock.advance(10 * minuteMs);
  expect(world.queue.breakers()).toMatchObject([{ part: 'graph', trouble: { code: refused.code } }]);
  return world;
}

test('many mailboxes with trouble of their own never hold up one without for longer than until the next probe', async () => {
  const { clock, upstream, send, store } = await withBrokenMailboxes(12);
  for (let i = 0; i < 20; i++) {
    await send({ mailbox: sound });
    await clock.advance(minuteMs);
  }
  const waits = (await store.list({ mailbox: sound }, 100)).map(({ id, receivedAtMs }) => {
    const startedAtMs = upstream.seen.find((each) => each.id === id)?.startedAtMs ?? Number.POSITIVE_INFINITY;
    return startedAtMs - receivedAtMs;
  });
  expect(waits).toHaveLength(20);
  expect(Math.max(...waits)).toBeLessThan(30_000);
});

test('a direct delivery of a mailbox without trouble goes through beside mailboxes with trouble of their own', async () => {
  const { clock, queue } = await withBrokenMailboxes(3);
  const delivery = { connection: 'contoso', couriers: ['graph'], recipients: ['x@fabrikam.example'] } as const;
  const admission = queue.admit({ ...delivery, mailbox: sound }, 30_000);
  await clock.advance(30_000);
  expect(await admission).toMatchObject({ admitted: true });
  const broken = await queue.admit({ ...delivery, mailbox: 'broken1@contoso.example' }, 30_000);
  expect(broken).toMatchObject({ admitted: false, trouble: { code: refused.code } });
});

test('mailboxes whose trouble goes on when others deliver are left to themselves, and the log says so once', async () => {
  const { clock, queue, send, lines } = await withBrokenMailboxes(5);
  for (let i = 0; i < 20; i++) {
    await send({ mailbox: sound });
    await clock.advance(minuteMs);
  }
  const told = lines.filter(({ text }) => /paused|works again/.test(text));
  const after = told.slice(told.findIndex(({ text }) => text.includes('works again')) + 1);
  expect(after.filter(({ text }) => /connection/i.test(text))).toEqual([]);
  expect(queue.breakers()).toEqual([]);
});
