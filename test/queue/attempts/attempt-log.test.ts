import { expect, test } from 'vitest';
import { openLog } from '../../../src/base/log.ts';
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
  // Forgotten: told once more.
  attempt('a@contoso.example', 'made-up-0');
  expect(calls()).toBe(3001);
});
