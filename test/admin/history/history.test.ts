import { expect, test } from 'vitest';
import { History } from '../../../src/admin/history/history.ts';

const noon = Date.UTC(2026, 0, 5, 12);
const event = { account: 'a', mailbox: 'only', courier: 'graph', bytes: 1 } as const;

function started() {
  const clock = { nowMs: noon };
  const history = new History(() => clock.nowMs);
  return { clock, history };
}

test('an hour has steps of 10 s, a day of a minute, a week of ten', () => {
  const { history } = started();
  const shape = (['hour', 'day', 'week'] as const).map((range) => {
    const { stepSeconds, from, series } = history.view(range);
    return [stepSeconds, series.accepted.length, from];
  });
  expect(shape).toEqual([
    [10, 360, '2026-01-05T11:00:10.000Z'],
    [60, 1440, '2026-01-04T12:01:00.000Z'],
    [600, 1008, '2025-12-29T12:10:00.000Z'],
  ]);
});

test('what happened stands in its step, and nothing where the bridge did not run', () => {
  const { clock, history } = started();
  history.message({ ...event, kind: 'accepted' });
  history.message({ ...event, kind: 'accepted' });
  history.message({ ...event, kind: 'bounced' });
  history.sample(7);
  clock.nowMs += 20_000;
  history.sample(undefined);
  history.message({ ...event, kind: 'failed' });
  const { series } = history.view('hour');
  expect(series.accepted.slice(-4)).toEqual([null, 2, null, 0]);
  expect(series.failed.slice(-3)).toEqual([0, null, 1]);
  expect(series.queued.slice(-3)).toEqual([7, null, null]);
  expect(history.view('day').series.accepted.at(-1)).toBe(2);
});

test('latencies are told by the bucket that holds their share', () => {
  const { history } = started();
  for (let i = 0; i < 95; i++) history.hop('whole', 'graph', 700);
  for (let i = 0; i < 5; i++) history.hop('whole', 'graph', 60_000);
  history.hop('attempt', 'graph', 9_999_999);
  const { latencyP50Ms, latencyP95Ms } = history.view('hour').series;
  expect([latencyP50Ms.at(-1), latencyP95Ms.at(-1)]).toEqual([1280, 1280]);
  history.hop('whole', 'graph', 60_000);
  expect(history.view('hour').series.latencyP95Ms.at(-1)).toBe(81_920);
  expect(history.view('hour').series.latencyP50Ms.at(-2)).toBeNull();
});

test('it goes on after a restart, without what has become too old', () => {
  const { clock, history } = started();
  history.message({ ...event, kind: 'delivered' });
  history.hop('whole', 'graph', 700);
  history.sample(3);
  clock.nowMs += 2 * 3_600_000;
  const again = new History(() => clock.nowMs);
  again.restore(JSON.parse(JSON.stringify(history.kept())));
  expect(again.view('hour').series.delivered.every((each) => each === null)).toBe(true);
  const day = again.view('day').series;
  expect([day.delivered.at(-121), day.queued.at(-121), day.latencyP50Ms.at(-121)]).toEqual([1, 3, 1280]);
  expect(again.kept().tiers.day).toEqual(history.kept().tiers.day);
});

test('what lies ahead, since the clock was set back, is forgotten', () => {
  const { clock, history } = started();
  history.message({ ...event, kind: 'accepted' });
  clock.nowMs -= 3_600_000;
  history.sample(0);
  expect(history.kept().tiers.hour).toHaveLength(1);
});

test.each([undefined, null, 'x', {}, { version: 2 }, { version: 1, tiers: { hour: [['x'], [1, 2], 7], day: 'no' } }])(
  'a file that holds %j is no history',
  (kept) => {
    const { history } = started();
    history.restore(kept);
    expect(history.kept().tiers).toEqual({ hour: [], day: [], week: [] });
  },
);
