import { expect, onTestFinished, test, vi } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { MailWatch } from '../../src/queue/mail-watch.ts';
import { hourMs, outageQueue } from './breakers/outage-world.ts';

test('a queue that cannot be read is told in the log, and its mail goes once it can be read again', async () => {
  const { store, send, clock, lines } = outageQueue();
  const due = store.due.bind(store);
  let isBroken = true;
  store.due = (...given) => {
    if (isBroken) throw new Error('disk I/O error');
    return due(...given);
  };
  await send();
  await clock.advance(1000);
  const told = () => lines.filter(({ level, fields }) => level === 'error' && /disk/.test(String(fields.error)));
  expect(told().length).toBeGreaterThan(0);
  isBroken = false;
  await clock.advance(60_000);
  expect(await store.count('delivered')).toBe(1);
});

test('a bridge that stops while it composes a warning of a delay writes it down before it closes the queue', async () => {
  let compose = () => {};
  let isAsked = false;
  const { store, send, clock, stop, lines, upstream } = outageQueue(
    {},
    {},
    {
      delayWarnings: {
        afterMs: hourMs,
        warningFor: (message) =>
          new Promise((resolve) => {
            isAsked = true;
            compose = () =>
              resolve({ message: { ...message, isBounce: true }, content: Buffer.from('Subject: late\r\n\r\n') });
          }),
      },
    },
  );
  upstream.answer = () => ({ outcome: 'temporary', code: '4.3.2', text: 'later' });
  await send();
  await clock.advance(hourMs + 10 * 60_000);
  expect(isAsked).toBe(true);
  let closed: string[] | undefined;
  const close = store.close.bind(store);
  store.close = async () => {
    closed = (await store.list({}, 10)).map(({ isBounce }) => String(isBounce));
    await close();
  };
  const stopping = stop(0, 0);
  await clock.advance(1000);
  expect(closed).toBeUndefined();
  compose();
  await stopping;
  expect(closed?.sort()).toEqual(['false', 'true']);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test.each([
  ['is away, as whoever watches it has told', false, new BridgeError('queue-unreachable', 'away'), 0],
  ['is away, and nobody has told', true, new BridgeError('queue-unreachable', 'away'), 1],
  ['fails otherwise while it is away', false, new BridgeError('queue-full', 'full'), 1],
  ['fails otherwise', true, new Error('disk I/O error'), 1],
])('a store that %s', async (_, isReachable, error, times) => {
  const { store, queue, lines } = outageQueue();
  const watched = vi.spyOn(MailWatch.prototype, 'isReachable', 'get').mockReturnValue(isReachable);
  onTestFinished(() => watched.mockRestore());
  store.hasten = async () => {
    throw error;
  };
  await queue.retryNow();
  const told = { level: 'error', fields: { error }, text: 'queue: cannot read or write the store' };
  expect(lines.filter(({ level }) => level === 'error')).toEqual(Array(times).fill(told));
});
