import { expect, test } from 'vitest';
import { KeyedSemaphore } from '../../../src/base/semaphore.ts';
import { SmtpPool, type SmtpPoolOptions } from '../../../src/exchange/smtp/pool.ts';
import type { UpstreamSmtpSession } from '../../../src/exchange/smtp/session.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

/** A session that only reports what happens to it. */
class FakeSession {
  transactions = 0;
  usable = true;
  end: 'quit' | 'closed' | undefined;

  async quit(): Promise<void> {
    this.end = 'quit';
    this.usable = false;
  }

  close(): void {
    this.end = 'closed';
    this.usable = false;
  }
}

const forever = new AbortController().signal;

function setUp(options: Partial<SmtpPoolOptions> = {}, permits = 3) {
  const clock = new FakeClock();
  const opened: FakeSession[] = [];
  const pool = new SmtpPool({
    permits: new KeyedSemaphore(permits),
    clock,
    open: async () => {
      const session = new FakeSession();
      opened.push(session);
      return session as unknown as UpstreamSmtpSession;
    },
    ...options,
  });
  /** Sends one message. */
  const send = (mailbox = 'a@b.c', fresh = false) =>
    pool.use(mailbox, forever, fresh, async (session) => {
      (session as unknown as FakeSession).transactions += 1;
      return session as unknown as FakeSession;
    });
  /** Begins a message that ends when told to. */
  const begin = (mailbox = 'a@b.c') => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = pool.use(mailbox, forever, false, () => promise);
    return { end: resolve, done };
  };
  return { clock, opened, pool, send, begin };
}

test('a connection is used again for the same mailbox, however it is spelled, and for no other', async () => {
  const { send, opened } = setUp();
  expect(await send('a@b.c')).toBe(await send('A@B.C'));
  expect(await send('other@b.c')).not.toBe(opened[0]);
  expect(opened).toHaveLength(2);
});

test('a connection is left with QUIT when it was idle for 30 seconds, not before', async () => {
  const { send, opened, clock } = setUp();
  await send();
  await clock.advance(29_999);
  expect(opened[0]?.end).toBeUndefined();
  await clock.advance(1);
  expect(opened[0]?.end).toBe('quit');
  expect(await send()).toBe(opened[1]);
});

test('use begins the time anew', async () => {
  const { send, opened, clock } = setUp({ idleTimeoutMs: 1000 });
  await send();
  await clock.advance(900);
  await send();
  await clock.advance(900);
  expect(opened.map(({ end }) => end)).toEqual([undefined]);
  await clock.advance(100);
  expect(opened.map(({ end }) => end)).toEqual(['quit']);
});

test('of several idle connections each has a time of its own, and the last used is taken first', async () => {
  const { begin, send, opened, clock } = setUp({ idleTimeoutMs: 1000 });
  const [first, second] = [begin(), begin()];
  await settle();
  first.end();
  await first.done;
  await clock.advance(400);
  second.end();
  await second.done;
  expect(await send()).toBe(opened[1]);
  await clock.advance(600);
  expect(opened.map(({ end }) => end)).toEqual(['quit', undefined]);
  expect(await send()).toBe(opened[1]);
  expect(opened).toHaveLength(2);
});

test('a connection is left after 100 messages', async () => {
  const { send, opened } = setUp();
  for (let n = 0; n < 99; n++) await send();
  expect(opened[0]?.end).toBeUndefined();
  await send();
  expect(opened.map(({ end }) => end)).toEqual(['quit']);
});

test('a connection that the server has ended is not lent again', async () => {
  const { send, opened } = setUp();
  (await send()).usable = false;
  expect(await send()).toBe(opened[1]);
  // It ended while it was in use.
  await expect(Promise.resolve(send().then((session) => Object.assign(session, { usable: false })))).resolves.toBe(
    opened[1],
  );
  expect(await send()).toBe(opened[2]);
});

test('who wants a fresh one gets it, and the idle ones are dropped', async () => {
  const { send, opened, begin } = setUp();
  const both = [begin(), begin()];
  await settle();
  for (const each of both) each.end();
  await Promise.all(both.map(({ done }) => done));
  expect(await send('a@b.c', true)).toBe(opened[2]);
  expect(opened.map(({ end }) => end)).toEqual(['closed', 'closed', undefined]);
});

test('a mailbox never has more connections than permits; the next waits, and gives up when it is told to', async () => {
  const { pool, opened, begin } = setUp({}, 1);
  const first = begin();
  await settle();
  const gone = new AbortController();
  const second = pool.use('A@b.c', gone.signal, false, async () => 'sent');
  await settle();
  expect(opened).toHaveLength(1);
  gone.abort();
  await expect(second).rejects.toMatchObject({
    name: 'SmtpUpstreamError',
    message: 'The attempt was given up while waiting for a connection.',
    stage: 'connect',
    aborted: true,
  });
  first.end();
  await first.done;
  expect(await pool.use('a@b.c', forever, false, async () => 'sent')).toBe('sent');
  expect(opened).toHaveLength(1);
});

test('what fails gives its permit back', async () => {
  const open = async () => {
    throw new Error('no connection');
  };
  const { pool } = setUp({ open }, 1);
  for (let n = 0; n < 2; n++) {
    await expect(pool.use('a@b.c', forever, false, async () => {})).rejects.toThrow('no connection');
  }
});

test('a pool that is closed leaves what is idle at once, and what is in use when it is given back', async () => {
  const { pool, send, begin, opened, clock } = setUp();
  const busy = begin();
  await settle();
  await send();
  await pool.close();
  expect(opened.map(({ end }) => end)).toEqual([undefined, 'quit']);
  busy.end();
  await busy.done;
  expect(opened.map(({ end }) => end)).toEqual(['quit', 'quit']);
  // No timer is left to end it a second time.
  opened[1]!.end = undefined;
  await clock.advance(60_000);
  expect(opened[1]?.end).toBeUndefined();
});

test('a connection that broke in use is not kept, and not left with QUIT later', async () => {
  const { pool, clock } = setUp();
  const broken = await pool.use('a@b.c', forever, false, async (session) =>
    Object.assign(session as unknown as FakeSession, { usable: false }),
  );
  await clock.advance(60_000);
  await pool.close();
  expect(broken.end).toBeUndefined();
});

test('a pool that is closed twice leaves each connection once', async () => {
  const { pool, send } = setUp();
  const session = await send();
  await pool.close();
  session.end = undefined;
  await pool.close();
  expect(session.end).toBeUndefined();
});

test('where one of two idle connections is lent, the other one is there for the next', async () => {
  const { opened, begin } = setUp();
  for (let round = 0; round < 2; round++) {
    const both = [begin(), begin()];
    await settle();
    for (const each of both) each.end();
    await Promise.all(both.map(({ done }) => done));
  }
  expect(opened).toHaveLength(2);
});
