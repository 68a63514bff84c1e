import { expect, test } from 'vitest';
import { type AlertSources, conditionsOf } from '../../../src/admin/alerts/conditions.ts';

const nowMs = Date.UTC(2026, 0, 5, 8);
const day = 24 * 3_600_000;
const thresholds = { expiryDays: [30, 7, 1], troubleMs: 15 * 60_000, queueWaitMs: 3_600_000 };
const quiet: AlertSources = {
  expiries: [],
  troubles: [],
  signInsNeeded: [],
  oldestQueuedAtMs: undefined,
  guessed: new Map(),
};

function conditions(sources: Partial<AlertSources>) {
  return conditionsOf({ ...quiet, ...sources }, thresholds, nowMs);
}

test.each([
  [31 * day, undefined],
  [30 * day, 1],
  [7.5 * day, 1],
  [7 * day, 2],
  [day, 3],
  [-day, 3],
])('what ends in %i ms is of level %s', (inMs, level) => {
  const [found] = conditions({ expiries: [{ connection: 'contoso', what: 'client secret', atMs: nowMs + inMs }] });
  expect(found?.level).toBe(level);
});

test('an expiry says what ends, when, and the command that helps', () => {
  const expiries = [
    { connection: 'contoso', what: 'certificate', atMs: nowMs + 6.5 * day },
    { connection: 'fabrikam', what: 'sign-in', atMs: nowMs - day },
    { connection: 'listeners', what: 'certificate', atMs: nowMs + 20 * 3_600_000 },
    { connection: 'other', what: 'client secret', atMs: undefined },
    { connection: 'renewed', what: 'certificate', atMs: nowMs + 29.5 * day, isRenewed: true },
  ] as const;
  expect(conditions({ expiries }).map(({ text, remedy }) => [text, remedy])).toEqual([
    [
      'The certificate of contoso ends in 7 days, on 2026-01-11.',
      'Run mailbridge register-app --name contoso --rotate, then reload (SIGHUP).',
    ],
    ['The sign-in of fabrikam ended on 2026-01-04.', 'Sign in again: mailbridge login fabrikam.'],
    [
      'The certificate of the listeners ends in 1 day, on 2026-01-06.',
      'Put a new certificate and key in place of the files, and reload (SIGHUP).',
    ],
    [
      'The certificate of renewed ends in 30 days, on 2026-02-03.',
      'The log says why the bridge could not renew it ("cannot renew the certificate"). Run mailbridge register-app --name renewed --rotate, then reload (SIGHUP).',
    ],
  ]);
});

test('a connection in trouble is told once that lasts', () => {
  const trouble = (minutes: number) => ({
    ...{ connection: 'contoso', part: 'graph', state: 'open', nextProbe: '', code: 'x', text: 'It refuses.' },
    since: new Date(nowMs - minutes * 60_000).toISOString(),
  });
  expect(conditions({ troubles: [trouble(14)] })).toEqual([]);
  expect(conditions({ troubles: [trouble(15)] })).toMatchObject([
    { id: 'trouble contoso graph', code: 'connection-in-trouble', remedy: 'Run mailbridge check contoso.' },
  ]);
});

test('old mail, a missing sign-in and a guesser are told', () => {
  expect(conditions({ oldestQueuedAtMs: nowMs - 3_599_999 })).toEqual([]);
  expect(conditions({ oldestQueuedAtMs: nowMs - 5_400_000 })[0]?.text).toBe(
    'The oldest queued message has waited for 90 minutes.',
  );
  expect(conditions({ signInsNeeded: ['contoso'] })).toMatchObject([{ id: 'sign-in contoso', code: 'sign-in-needed' }]);
  const guessed = new Map([
    ['scanner', nowMs + 1],
    ['erp', nowMs],
  ]);
  expect(conditions({ guessed }).map(({ id }) => id)).toEqual(['guessed scanner']);
});
