import { expect, test } from 'vitest';
import { openLog } from '../../../src/base/log.ts';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import { AttemptLog } from '../../../src/queue/attempts/attempt-log.ts';
import { judge } from '../../../src/queue/attempts/verdict.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { newMessage } from '../stores/store-contract.ts';

async function world() {
  const lines: { level: number; msg: string }[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line)) > 0 };
  const log = openLog({ level: 'debug', format: 'json', destination: destination as never });
  const clock = new FakeClock();
  const attempts = new AttemptLog(log, clock);
  const attempt = (mailbox: string, code: string) => {
    const base = newMessage({ mailbox, receivedAtMs: clock.now(), expiresAtMs: clock.now() + 86_400_000 });
    const recipients = base.envelope.recipients.map(({ address }) => ({ address, state: 'pending' as const }));
    const message = {
      ...base,
      id: 'x',
      size: 1,
      state: 'queued' as const,
      recipients,
      attempts: 0,
      nextAttemptAtMs: 0,
    };
    const report = {
      recipients: [{ address: recipients[0]?.address ?? '', outcome: 'needs-admin' as const, code, text: 'no' }],
    };
    attempts.attempted(message, report, judge(message, report, clock.now(), { baseMs: 1, maxMs: 1 }), 5);
  };
  const calls = () => lines.filter(({ level }) => level === 50).length;
  return { clock, attempt, calls };
}

test('an administrator is called once in ten minutes for each mailbox and cause, however many messages wait', async () => {
  const { clock, attempt, calls } = await world();
  for (let i = 0; i < 100; i++) attempt('a@contoso.example', '5.7.3');
  expect(calls()).toBe(1);
  attempt('b@contoso.example', '5.7.3');
  attempt('a@contoso.example', '5.7.57');
  expect(calls()).toBe(3);
  await clock.advance(9.9 * 60_000);
  attempt('a@contoso.example', '5.7.3');
  expect(calls()).toBe(3);
  await clock.advance(0.2 * 60_000);
  attempt('a@contoso.example', '5.7.3');
  expect(calls()).toBe(4);
});

test('codes that the other side makes up do not fill the memory, and the latest are remembered', async () => {
  const { attempt, calls } = await world();
  for (let i = 0; i < 3000; i++) attempt('a@contoso.example', `made-up-${i}`);
  expect(calls()).toBe(3000);
  attempt('a@contoso.example', 'made-up-2999');
  attempt('a@contoso.example', 'made-up-2001');
  expect(calls()).toBe(3000);
  // Forgotten: reported once more.
  attempt('a@contoso.example', 'made-up-0');
  expect(calls()).toBe(3001);
});

/** What the log says about an attempt with this outcome, on a message that may wait or whose time is over. */
function said(
  outcome: Partial<RecipientOutcome>,
  { isOver = false, ...more }: Partial<DeliveryReport> & { isOver?: boolean } = {},
) {
  const lines: Record<string, unknown>[] = [];
  const log = openLog({
    level: 'debug',
    format: 'json',
    destination: { write: (line: string) => lines.push(JSON.parse(line)) > 0 } as never,
  });
  const clock = new FakeClock();
  const nowMs = clock.now();
  const base = newMessage({ receivedAtMs: nowMs - 10_000, expiresAtMs: isOver ? nowMs - 1 : nowMs + 86_400_000 });
  const recipients = [{ address: 'a@x.example', state: 'pending' as const }];
  const message = {
    ...base,
    envelope: { ...base.envelope, recipients: [{ address: 'a@x.example' }] },
    ...{ id: 'x', size: 1, state: 'queued' as const, recipients, attempts: 2, nextAttemptAtMs: nowMs },
  };
  const whole: RecipientOutcome = {
    address: 'a@x.example',
    outcome: 'temporary',
    code: '4.3.2',
    text: 'busy',
    ...outcome,
  };
  const report: DeliveryReport = { recipients: [whole], ...more };
  const verdict = judge(message, report, nowMs, { baseMs: 60_000, maxMs: 60_000 });
  new AttemptLog(log, clock).attempted(message, report, verdict, 5.4);
  return lines;
}

test('each attempt is one line: delivered, deferred, failed permanently, expired', () => {
  expect(said({ outcome: 'delivered' }, { upstreamId: 'req-1' })).toMatchObject([
    { level: 30, msg: 'delivered', id: 'x', attempt: 3, ms: 5, upstreamId: 'req-1', recipients: 1 },
  ]);
  const [deferred] = said({});
  expect(deferred).toMatchObject({ level: 30, msg: 'deferred', to: 'a@x.example', code: '4.3.2', text: 'busy' });
  expect(deferred?.retryAt).toMatch(/^2026-01-05T/);
  const failed = said({ outcome: 'permanent', code: '5.1.1', remedy: 'Correct it.' });
  expect(failed).toMatchObject([{ level: 40, msg: 'failed permanently', code: '5.1.1', remedy: 'Correct it.' }]);
  expect(failed[0]).not.toHaveProperty('retryAt');
  expect(said({}, { isOver: true })).toMatchObject([{ level: 40, msg: 'expired', code: '4.3.2' }]);
});

test('what its connection is to blame for is no news: the breaker has told it', () => {
  const trouble = { part: 'graph', outcome: 'temporary', code: 'x', text: 'y', isSure: true } as const;
  expect(said({}, { trouble })).toMatchObject([{ level: 20, msg: 'waiting for its connection' }]);
});
