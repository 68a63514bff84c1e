import { expect, test } from 'vitest';
import type { Log } from '../../../src/base/log.ts';
import { BreakerLog } from '../../../src/queue/breakers/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';
import { hourMs, minuteMs, trouble } from './outage-world.ts';

function world() {
  const clock = new FakeClock();
  const startMs = clock.now();
  const lines: { level: string; atMinutes: number; fields: object; text: string }[] = [];
  const level = (name: string) => (fields: object, text: string) =>
    void lines.push({ level: name, atMinutes: (clock.now() - startMs) / minuteMs, fields, text });
  const log = { warn: level('warn'), error: level('error') } as unknown as Log;
  const down = trouble('smtp', 'upstream-unreachable', 'ECONNREFUSED.');
  const open = { trouble: down, sinceMs: startMs, nextProbeAtMs: startMs + 1000, failures: 1 };
  return { clock, lines, open, told: new BreakerLog('contoso', 'smtp', courierTraits, log, clock) };
}

test('a long outage is told once, with reminders after ten minutes, then twice as long each time, up to four hours', async () => {
  const { clock, lines, open, told } = world();
  told.opened(open);
  for (let minute = 1; minute <= 24 * 60; minute++) {
    await clock.advance(minuteMs);
    await told.stillOpen(open, async () => 7);
  }
  expect(lines.map(({ atMinutes }) => atMinutes)).toEqual([0, 10, 30, 70, 150, 310, 550, 790, 1030, 1270]);
  expect(lines[0]).toMatchObject({
    level: 'warn',
    fields: { connection: 'contoso', part: 'smtp', code: 'upstream-unreachable' },
    text: 'connection contoso is paused: SMTP cannot be used: ECONNREFUSED. Its mail waits and is sent when the trouble is over.',
  });
  expect(lines[1]).toMatchObject({
    level: 'warn',
    fields: {
      connection: 'contoso',
      part: 'smtp',
      code: 'upstream-unreachable',
      since: '2026-01-05T08:00:00.000Z',
      waiting: 7,
    },
    text: 'connection contoso is still paused: SMTP cannot be used: ECONNREFUSED.',
  });
});

test('the next outage has its first reminder after ten minutes again, and after a clock set back one comes at once', async () => {
  const { clock, lines, open, told } = world();
  told.opened(open);
  await clock.advance(10 * minuteMs);
  await told.stillOpen(open, async () => 0);
  await clock.advance(hourMs);
  told.opened({ ...open, sinceMs: clock.now() });
  await clock.advance(10 * minuteMs);
  await told.stillOpen(open, async () => 0);
  expect(lines.map(({ atMinutes }) => atMinutes)).toEqual([0, 10, 70, 80]);
  clock.set(-24 * hourMs);
  await told.stillOpen(open, async () => 0);
  expect(lines).toHaveLength(5);
});

test('what only an administrator can end is an error, with what to do', async () => {
  const { clock, lines, open, told } = world();
  const trouble = { ...open.trouble, outcome: 'needs-admin', remedy: 'Give caFile.' } as const;
  told.opened({ ...open, trouble });
  await clock.advance(10 * minuteMs);
  await told.stillOpen({ ...open, trouble }, async () => 1);
  expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
  for (const { text } of lines) expect(text).toContain('SMTP cannot be used: ECONNREFUSED. Give caFile.');
});

test.each([
  [1, 1, '1 s (SMTP): 1 message waited'],
  [119, 0, '119 s (SMTP): 0 messages waited'],
  [120, 2, '2 min (SMTP): 2 messages waited'],
  [119 * 60, 2, '119 min (SMTP): 2 messages waited'],
  [120 * 60, 2, '2 h 0 min (SMTP): 2 messages waited'],
  [3 * 3600 + 5 * 60, 2, '3 h 5 min (SMTP): 2 messages waited'],
  [-5, 2, '0 s (SMTP): 2 messages waited'],
])('that a connection works again after %d seconds is told in words', (seconds, waiting, words) => {
  const { clock, lines, open, told } = world();
  told.closed({ ...open, sinceMs: clock.now() - seconds * 1000 }, waiting);
  expect(lines).toMatchObject([
    {
      level: 'warn',
      fields: { connection: 'contoso', part: 'smtp', ms: Math.max(0, seconds * 1000), waiting },
      text: `connection contoso works again after ${words}`,
    },
  ]);
});
