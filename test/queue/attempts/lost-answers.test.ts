import { expect, test } from 'vitest';
import type { DeliveryReport } from '../../../src/message/delivery.ts';
import { InFlight, isAmbiguous } from '../../../src/queue/attempts/in-flight.ts';
import type { QueuedMessage, QueuedRecipient } from '../../../src/queue/message.ts';

/** When this run, or its lease, began. */
const sinceMs = 10_000;

function recipient(address: string, code?: string, state: QueuedRecipient['state'] = 'pending'): QueuedRecipient {
  const last = code === undefined ? {} : { last: { outcome: 'temporary' as const, code, text: 'x' } };
  return { address, state, ...last };
}

const message = (...recipients: readonly QueuedRecipient[]) =>
  ({ id: 'm', receivedAtMs: 1000, courier: 'graph', recipients }) as unknown as QueuedMessage;

/** A message whose attempt was begun, with no end known to the store. */
const unfinished = (...recipients: readonly QueuedRecipient[]): QueuedMessage => ({
  ...message(...recipients),
  unfinished: { courier: 'smtp', startedAtMs: 2000 },
});

const report = (code: string, more: Partial<DeliveryReport> = {}): DeliveryReport => ({
  recipients: [
    { address: 'a', outcome: 'temporary', code, text: 'x' },
    { address: 'b', outcome: 'delivered', code: '2.0.0', text: 'x' },
  ],
  ...more,
});

test('a lost answer and a courier that broke off leave open whether the message went out', () => {
  const codes = ['upstream-ambiguous', 'internal', '4.4.1', undefined];
  expect(codes.map((code) => isAmbiguous(recipient('a', code)))).toEqual([true, true, false, false]);
});

test('of a message those recipients are ambiguous that wait, and whose answer was lost', () => {
  const inFlight = new InFlight();
  const lost = 'upstream-ambiguous';
  const of = message(recipient('a', lost), recipient('b', lost, 'delivered'), recipient('c', '4.4.1'));
  // It was lost in an earlier run: over by the start of this one.
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)).toEqual({
    ...{ addresses: ['a'], overAtMs: sinceMs, courier: 'graph' },
  });
  expect(inFlight.ambiguousAttemptOf(message(recipient('c', '4.4.1')), sinceMs, 20_000)).toBeUndefined();
});

test('all that wait where an earlier run, or another instance, died; one received since was tried before it came', () => {
  const inFlight = new InFlight();
  const of = unfinished(recipient('a'), recipient('b', '2.0.0', 'delivered'));
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)).toEqual({
    ...{ addresses: ['a'], overAtMs: sinceMs, courier: 'smtp' },
  });
  const since = { ...of, receivedAtMs: 15_000 };
  expect(inFlight.ambiguousAttemptOf(since, sinceMs, 20_000)?.overAtMs).toBe(15_000);
  expect(inFlight.ambiguousBy(of)).toBe('smtp');
  expect(inFlight.ambiguousBy(message(recipient('a')))).toBeUndefined();
});

test('where nobody knows whose attempt it was, it is that of the courier that the message has', () => {
  const of = { ...message(recipient('a')), unfinished: { startedAtMs: 2000 } };
  expect(new InFlight().ambiguousBy(of)).toBe('graph');
});

test('an answer lost in this run was so at its end, until an attempt is answered', () => {
  const inFlight = new InFlight();
  const of = message(recipient('a', 'upstream-ambiguous'));
  inFlight.end('m', report('upstream-ambiguous'), 12_000);
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)?.overAtMs).toBe(12_000);
  // A look that came too early sent nothing.
  inFlight.end('m', report('upstream-ambiguous', { retryAfterMs: 5000 }), 13_000);
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)?.overAtMs).toBe(12_000);
  inFlight.end('m', report('4.4.1'), 14_000);
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)?.overAtMs).toBe(sinceMs);
});

test('an outcome that could not be written leaves the message ambiguous until one is', () => {
  const inFlight = new InFlight();
  // The store has it as it was when the attempt began, if it has it.
  const of = unfinished(recipient('a'));
  inFlight.endUnwritten('m', 'graph', 12_000);
  const known = { addresses: ['a'], overAtMs: 12_000, courier: 'graph' };
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 20_000)).toEqual(known);
  expect(inFlight.ambiguousAttemptOf(message(recipient('a')), sinceMs, 20_000)).toEqual(known);
  inFlight.end('m', report('4.4.1'), 13_000);
  expect(inFlight.ambiguousAttemptOf(message(recipient('a')), sinceMs, 20_000)).toBeUndefined();
});

test('of a message that failed it is unclear how its last attempt ended where that may have served somebody', () => {
  const inFlight = new InFlight();
  expect(inFlight.isUnclear(message(recipient('a', '5.1.1', 'failed')))).toBe(false);
  expect(inFlight.isUnclear(message(recipient('a', 'internal', 'failed')))).toBe(true);
  expect(inFlight.isUnclear(message(recipient('a', 'internal', 'delivered')))).toBe(false);
  expect(inFlight.isUnclear(unfinished(recipient('a', '5.1.1', 'failed')))).toBe(true);
  inFlight.endUnwritten('m', 'graph', 12_000);
  expect(inFlight.isUnclear(message(recipient('a', '5.1.1', 'failed')))).toBe(true);
});

test('where the clock was set back the time that has passed since is counted from the first look', () => {
  const inFlight = new InFlight();
  const of = unfinished(recipient('a'));
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 4000)?.overAtMs).toBe(4000);
  expect(inFlight.ambiguousAttemptOf(of, sinceMs, 9000)?.overAtMs).toBe(4000);
});

test('what stays with a courier does so until an attempt says otherwise', () => {
  const inFlight = new InFlight();
  inFlight.end('m', report('upstream-ambiguous', { staysWith: 'graph', sentNothing: true }), 12_000);
  expect(inFlight.stays('m')).toBe(true);
  inFlight.end('m', report('4.4.1'), 13_000);
  expect(inFlight.stays('m')).toBe(false);
});

test('what is deleted is forgotten', () => {
  const inFlight = new InFlight();
  inFlight.endUnwritten('m', 'graph', 12_000);
  inFlight.end('lost', report('internal', { staysWith: 'graph' }), 12_000);
  expect([...inFlight.ids].sort()).toEqual(['lost', 'm']);
  inFlight.forget('m');
  expect(inFlight.ambiguousAttemptOf(message(recipient('a')), sinceMs, 20_000)).toBeUndefined();
  expect(inFlight.ambiguousAttemptOf(message(recipient('a', 'internal')), sinceMs, 20_000)?.overAtMs).toBe(sinceMs);
  inFlight.forget('lost');
  expect(inFlight.ids.size).toBe(0);
});
