import { expect, test } from 'vitest';
import type { DeliveryReport } from '../../../src/message/delivery.ts';
import { InFlight, isAmbiguous } from '../../../src/queue/attempts/in-flight.ts';
import { type InFlightJournal, noJournal } from '../../../src/queue/attempts/in-flight-journal.ts';
import type { QueuedMessage, QueuedRecipient } from '../../../src/queue/message.ts';

const startMs = 10_000;

function recipient(address: string, code?: string, state: QueuedRecipient['state'] = 'pending'): QueuedRecipient {
  const last = code === undefined ? {} : { last: { outcome: 'temporary' as const, code, text: 'x' } };
  return { address, state, ...last };
}

const message = (...recipients: readonly QueuedRecipient[]) =>
  ({ id: 'm', receivedAtMs: 1000, recipients }) as unknown as QueuedMessage;

const report = (code: string, more: Partial<DeliveryReport> = {}): DeliveryReport => ({
  recipients: [
    { address: 'a', outcome: 'temporary', code, text: 'x' },
    { address: 'b', outcome: 'delivered', code: '2.0.0', text: 'x' },
  ],
  ...more,
});

function world(wasInFlight = false) {
  const said: string[] = [];
  const journal: InFlightJournal = {
    ...noJournal,
    begin: (id) => said.push(`begin ${id}`),
    end: (id) => said.push(`end ${id}`),
    wasInFlight: () => wasInFlight,
    prune: (isThere) => said.push(`prune ${isThere('m')}`),
    close: () => said.push('close'),
  };
  return { inFlight: new InFlight(journal, startMs), said };
}

test('a lost answer and a courier that broke off leave open whether the message went out', () => {
  const codes = ['upstream-ambiguous', 'internal', '4.4.1', undefined];
  expect(codes.map((code) => isAmbiguous(recipient('a', code)))).toEqual([true, true, false, false]);
});

test('of a message those recipients are ambiguous that wait, and whose answer was lost', () => {
  const { inFlight } = world();
  const lost = 'upstream-ambiguous';
  const of = message(recipient('a', lost), recipient('b', lost, 'delivered'), recipient('c', '4.4.1'));
  // It was lost in an earlier run: over by the start of this one.
  expect(inFlight.ambiguousAttemptOf(of, 20_000)).toEqual({ addresses: ['a'], overAtMs: startMs });
  expect(inFlight.ambiguousAttemptOf(message(recipient('c', '4.4.1')), 20_000)).toBeUndefined();
});

test('all that wait where an earlier run died; one received since was tried before it came', () => {
  const { inFlight } = world(true);
  const of = message(recipient('a'), recipient('b', '2.0.0', 'delivered'));
  expect(inFlight.ambiguousAttemptOf(of, 20_000)).toEqual({ addresses: ['a'], overAtMs: startMs });
  const since = { ...of, receivedAtMs: 15_000 };
  expect(inFlight.ambiguousAttemptOf(since, 20_000)?.overAtMs).toBe(15_000);
});

test('an answer lost in this run was so at its end, until an attempt is answered', () => {
  const { inFlight, said } = world();
  const of = message(recipient('a', 'upstream-ambiguous'));
  inFlight.begin('m');
  inFlight.end('m', report('upstream-ambiguous'), 12_000);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)?.overAtMs).toBe(12_000);
  // A look that was too early sent nothing.
  inFlight.end('m', report('upstream-ambiguous', { retryAfterMs: 5000 }), 13_000);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)?.overAtMs).toBe(12_000);
  inFlight.end('m', report('4.4.1'), 14_000);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)?.overAtMs).toBe(startMs);
  expect(said).toEqual(['begin m', 'end m', 'end m', 'end m']);
});

test('an outcome that could not be written leaves the message ambiguous until one is', () => {
  const { inFlight, said } = world();
  const of = message(recipient('a'));
  inFlight.endUnwritten('m', 12_000);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)).toEqual({ addresses: ['a'], overAtMs: 12_000 });
  inFlight.endUnmade(of);
  expect(said).toEqual([]);
  inFlight.end('m', report('4.4.1'), 13_000);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)).toBeUndefined();
});

test('an attempt that was not made ends; where the message was ambiguous before, it still is', () => {
  const { inFlight, said } = world();
  inFlight.endUnmade(message(recipient('a', '4.4.1')));
  expect(said).toEqual(['end m']);
  inFlight.endUnmade(message(recipient('a', 'internal')));
  expect(said).toEqual(['end m']);
  expect(inFlight.ambiguousAttemptOf(message(recipient('a', 'connection-gone')), 20_000)?.addresses).toEqual(['a']);
});

test('where the clock was set back the time that has passed since is counted from the first look', () => {
  const { inFlight } = world(true);
  const of = message(recipient('a'));
  expect(inFlight.ambiguousAttemptOf(of, 4000)?.overAtMs).toBe(4000);
  expect(inFlight.ambiguousAttemptOf(of, 9000)?.overAtMs).toBe(4000);
});

test('what is deleted is forgotten, and what is there is not', () => {
  const { inFlight, said } = world();
  const of = message(recipient('a'));
  inFlight.endUnwritten('m', 12_000);
  inFlight.prune(() => true);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)?.overAtMs).toBe(12_000);
  inFlight.prune(() => false);
  expect(inFlight.ambiguousAttemptOf(of, 20_000)).toBeUndefined();
  expect(inFlight.ambiguousAttemptOf(message(recipient('a', 'internal')), 20_000)?.overAtMs).toBe(startMs);
  inFlight.close();
  expect(said).toEqual(['prune true', 'prune false', 'close']);
});
