import { expect, test } from 'vitest';
import { LogTail, type ToldLogLine } from '../../../../src/admin/api/log/log-tail.ts';

const line = (level: number, msg: string, more: object = {}) =>
  `${JSON.stringify({ level, time: '2026-01-05T08:00:00.000Z', ...more, msg })}\n`;

test('the last lines are told, the oldest first, with their fields', () => {
  const tail = new LogTail();
  tail.add(line(30, 'accepted', { id: 'x1', account: 'scanner' }));
  tail.add(line(40, 'login refused'));
  expect(tail.last(10)).toEqual([
    { time: '2026-01-05T08:00:00.000Z', level: 'info', msg: 'accepted', fields: { id: 'x1', account: 'scanner' } },
    { time: '2026-01-05T08:00:00.000Z', level: 'warn', msg: 'login refused', fields: {} },
  ]);
  expect(tail.last(1).map(({ msg }) => msg)).toEqual(['login refused']);
  expect(tail.last(10, { level: 'warn' }).map(({ msg }) => msg)).toEqual(['login refused']);
  expect(tail.last(10, { search: 'SCANNER' }).map(({ msg }) => msg)).toEqual(['accepted']);
});

test('2,000 lines are kept, and 2 MB; a line that is no JSON, or endless, is left out', () => {
  const tail = new LogTail();
  for (let count = 0; count < 2_500; count++) tail.add(line(30, `line ${count}`));
  expect(tail.last(5_000).length).toBe(2_000);
  expect(tail.last(5_000)[0]?.msg).toBe('line 500');
  for (let count = 0; count < 300; count++) tail.add(line(30, 'x'.repeat(10_000)));
  expect(tail.last(5_000).length).toBeLessThan(210);
  tail.add('no JSON\n');
  tail.add(line(30, 'y'.repeat(20_000)));
  expect(tail.last(1)[0]?.msg).toMatch(/^x+$/);
});

test('whoever listens is told each line until they stop', () => {
  const tail = new LogTail();
  const told: ToldLogLine[] = [];
  const end = tail.subscribe((each) => told.push(each));
  tail.add(line(50, 'first'));
  end();
  tail.add(line(50, 'second'));
  expect(told).toMatchObject([{ level: 'error', msg: 'first' }]);
});
