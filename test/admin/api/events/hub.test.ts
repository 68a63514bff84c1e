import { expect, test } from 'vitest';
import { type AdminEvent, EventHub } from '../../../../src/admin/api/events/hub.ts';
import { LogTail } from '../../../../src/admin/api/log/log-tail.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

function hub() {
  const clock = new FakeClock();
  const logTail = new LogTail();
  const made = { count: 0, queued: 0 };
  const overview = async () => {
    made.count += 1;
    return { queued: made.queued };
  };
  return { hub: new EventHub({ clock, log: silentLog, logTail, overview }), clock, logTail, made };
}

const kinds = (events: readonly AdminEvent[]) => events.map(({ kind }) => kind);

test('while nobody listens nothing is made', async () => {
  const { hub: events, clock, made } = hub();
  events.tell({ kind: 'message', data: { id: 'x1', state: 'queued' } });
  await clock.advance(60_000);
  expect(made.count).toBe(0);
});

test('an overview is told once at first, then when it has changed, once a second at most', async () => {
  const { hub: events, clock, made } = hub();
  const told: AdminEvent[] = [];
  const end = events.listen((event) => told.push(event));
  await clock.advance(0);
  expect(kinds(told)).toEqual(['overview']);
  await clock.advance(20_000);
  expect(kinds(told)).toEqual(['overview']);
  for (let count = 0; count < 10; count++) {
    made.queued += 1;
    events.tell({ kind: 'message', data: { id: `x${count}`, state: 'queued' } });
  }
  await clock.advance(1_000);
  expect(kinds(told)).toEqual(['overview', ...Array(10).fill('message'), 'overview']);
  end();
  const before = made.count;
  await clock.advance(60_000);
  expect(made.count).toBe(before);
});

test('of more than a hundred messages in a second it is told that there are more', async () => {
  const { hub: events, clock } = hub();
  const told: AdminEvent[] = [];
  events.listen((event) => told.push(event));
  for (let count = 0; count < 5_000; count++)
    events.tell({ kind: 'message', data: { id: `x${count}`, state: 'queued' } });
  await clock.advance(1_000);
  const messages = told.filter(({ kind }) => kind === 'message');
  expect([messages.length, messages.at(-1)?.data]).toEqual([101, {}]);
  events.tell({ kind: 'message', data: { id: 'y', state: 'queued' } });
  expect(told.at(-1)?.data).toEqual({ id: 'y', state: 'queued' });
});

test('lines of the log are told as they come', () => {
  const { hub: events, logTail } = hub();
  const told: AdminEvent[] = [];
  events.listen((event) => told.push(event));
  logTail.add('{"level":30,"time":"2026-01-05T08:00:00.000Z","msg":"accepted"}\n');
  expect(told).toMatchObject([{ kind: 'log', data: { msg: 'accepted' } }]);
});
