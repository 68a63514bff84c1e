import { describe, expect, onTestFinished, test } from 'vitest';
import type { RecipientOutcome } from '../../../src/message/delivery.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import { Queue } from '../../../src/queue/queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { courierTraits } from '../courier-traits.ts';
import { recordedLog } from '../recorded-log.ts';
import { newMessage } from '../stores/store-contract.ts';
import { openTestStore } from '../test-store.ts';

const hours = 3_600_000;
const warning = 'it waits\r\n';

/** A queue that warns after four hours, with an upstream that defers everything until told otherwise. */
function slowUpstream(folder = temporaryFolder(), clock = new FakeClock()) {
  const store = openTestStore(folder);
  const asked: string[] = [];
  const state = {
    answer: 'temporary' as RecipientOutcome['outcome'],
    warn: async (message: QueuedMessage): Promise<string | undefined> => message.envelope.reversePath,
  };
  const seen: string[] = [];
  const { log, lines } = recordedLog();
  const queue = new Queue({
    store,
    clock,
    log,
    couriers: courierTraits,
    limits: { messagesPerMinute: 1000, recipientsPerDay: 100_000, concurrentPerMailbox: 3 },
    backoff: { baseMs: 60_000, maxMs: 3_600_000 },
    retain: { deliveredMs: 7 * 24 * hours, failedMs: 14 * 24 * hours },
    courierFor: (message) => ({
      async deliver({ envelope }) {
        const outcome = message.isBounce ? 'delivered' : state.answer;
        if (message.isBounce) seen.push(envelope.recipients[0]!.address);
        return {
          recipients: envelope.recipients.map(({ address }) => ({ address, outcome, code: '4.3.2', text: 'busy' })),
        };
      },
      async close() {},
    }),
    bouncesFor: async () => [],
    delayWarnings: {
      afterMs: 4 * hours,
      async warningFor(message) {
        asked.push(message.id);
        const to = await state.warn(message);
        if (to === undefined) return undefined;
        const envelope = { ...message.envelope, reversePath: '', recipients: [{ address: to }] };
        const now = clock.now();
        return {
          message: newMessage({ isBounce: true, envelope, receivedAtMs: now, expiresAtMs: now + 48 * hours }),
          content: Buffer.from(warning),
        };
      },
    },
  });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await queue.stop(0);
    stopped = true;
  };
  onTestFinished(stop);
  queue.start();
  const put = async (change: Parameters<typeof newMessage>[0] = {}) => {
    const spool = queue.spool();
    await spool.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
    return await spool.commit(
      newMessage({ receivedAtMs: clock.now(), expiresAtMs: clock.now() + 48 * hours, ...change }),
    );
  };
  return { store, clock, put, state, asked, seen, lines, stop, folder };
}

describe('the sender of a message that waits', () => {
  test('is told once, after the set time and not before', async () => {
    const { clock, put, asked, seen } = slowUpstream();
    const message = await put();
    await clock.advance(3.9 * hours);
    expect(asked).toEqual([]);
    await clock.advance(0.3 * hours);
    expect(asked).toEqual([message.id]);
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['reports@contoso.example']);
    await clock.advance(20 * hours);
    expect(asked).toHaveLength(1);
    expect(seen).toHaveLength(1);
  });

  test('is told once although the bridge starts anew', async () => {
    const before = slowUpstream();
    await before.put();
    await before.clock.advance(4.2 * hours);
    await before.stop();
    const after = slowUpstream(before.folder, before.clock);
    await after.clock.advance(2 * hours);
    expect([before.asked.length, after.asked.length]).toEqual([1, 0]);
  });

  test('is told of each of many messages, those that were never tried among them', async () => {
    const { clock, put, state, asked } = slowUpstream();
    state.answer = 'needs-admin';
    for (let i = 0; i < 65; i++) await put();
    await clock.advance(4.2 * hours);
    await expect.poll(() => new Set(asked).size, { timeout: 20_000 }).toBe(65);
    expect(asked).toHaveLength(65);
  });

  test('is left alone where there is nothing to say', async () => {
    const { clock, put, state, asked, store } = slowUpstream();
    state.answer = 'delivered';
    await put();
    await clock.advance(5 * hours);
    expect(asked).toEqual([]);
    state.answer = 'temporary';
    state.warn = async () => undefined;
    const quiet = await put();
    await clock.advance(10 * hours);
    expect(asked).toEqual([quiet.id]);
    expect((await store.list({ states: ['queued'] }, 10)).map(({ id }) => id)).toEqual([quiet.id]);
  });

  test('is asked for no longer where the warning cannot be made; the others are told', async () => {
    const { clock, put, state, asked, seen, lines } = slowUpstream();
    const broken = await put();
    const sound = await put();
    state.warn = async (message) => {
      if (message.id === broken.id) throw new Error('no body');
      return message.envelope.reversePath;
    };
    await clock.advance(6 * hours);
    await expect.poll(() => asked, { timeout: 20_000 }).toEqual([broken.id, sound.id]);
    await expect.poll(() => seen, { timeout: 20_000 }).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { id: broken.id, error: new Error('no body') }, text: 'cannot queue a delay warning' },
    ]);
    const [queued] = lines.filter(({ text }) => text === 'delay warning queued');
    expect(queued?.fields).toMatchObject({ for: sound.id, to: 'reports@contoso.example' });
  });

  test('is not told of a warning or a report that waits itself', async () => {
    const { clock, put, asked } = slowUpstream();
    await put({ isBounce: true });
    await clock.advance(6 * hours);
    expect(asked).toEqual([]);
  });
});

test('a message that was held while its warning was written gets none', async () => {
  const { store, put, clock } = slowUpstream();
  const { id } = await put();
  await store.hold({ ids: [id] });
  const envelope = { ...newMessage().envelope, reversePath: '' };
  const notification = { message: newMessage({ isBounce: true, envelope }), content: Buffer.from(warning) };
  expect(await store.noteDelayTold(id, notification)).toBeUndefined();
  await store.release({ ids: [id] }, clock.now());
  expect(await store.noteDelayTold(id, notification)).toMatchObject({ isBounce: true, state: 'queued' });
  expect(await store.noteDelayTold(id, notification)).toBeUndefined();
});
