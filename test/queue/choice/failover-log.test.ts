import { expect, test } from 'vitest';
import type { Obstacle } from '../../../src/queue/choice/choose.ts';
import { FailoverLog } from '../../../src/queue/choice/failover-log.ts';
import { destinationOf, type QueuedMessage } from '../../../src/queue/message.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';
import { recordedLog } from '../recorded-log.ts';

const startMs = Date.UTC(2026, 0, 5, 8);

function world() {
  const clock = new FakeClock(startMs);
  const { log, lines } = recordedLog();
  return { clock, told: new FailoverLog({ couriers: courierTraits, log, clock }), said: () => lines.splice(0) };
}

const message = (mailbox = 'reports@contoso.example', connection = 'contoso') =>
  ({ id: 'm', connection, mailbox, courier: 'graph' }) as QueuedMessage;

const obstacle = (more: Partial<Obstacle> = {}): Obstacle => ({
  of: 'connection',
  code: 'upstream-unreachable',
  text: 'ECONNREFUSED.',
  sinceMs: startMs - 60_000,
  needsAdmin: false,
  isShut: true,
  untilMs: startMs + 60_000,
  ...more,
});

/** An attempt sent over SMTP because Graph is shut. */
const bySmtp = (shut: Obstacle) => ({ courier: 'smtp', passedOver: [{ courier: 'graph', obstacle: shut }] }) as const;

test('that a connection goes by another courier is told once, and once that it is back', async () => {
  const { told, clock, said } = world();
  told.chosen(message(), bySmtp(obstacle()));
  told.chosen(message('other@contoso.example'), bySmtp(obstacle()));
  expect(said()).toEqual([
    {
      level: 'warn',
      fields: {
        connection: 'contoso',
        courier: 'smtp',
        shut: 'graph',
        code: 'upstream-unreachable',
        since: '2026-01-05T07:59:00.000Z',
      },
      text: 'connection contoso uses SMTP: Graph unavailable since 2026-01-05T07:59:00.000Z: upstream-unreachable ECONNREFUSED.',
    },
  ]);
  told.delivered(message(), 'smtp');
  told.delivered(message('reports@fabrikam.example', 'fabrikam'), 'graph');
  expect(said()).toEqual([]);
  await clock.advance(90_400);
  told.delivered(message(), 'graph');
  told.delivered(message(), 'graph');
  expect(said()).toEqual([
    {
      level: 'warn',
      fields: { connection: 'contoso', mailbox: 'reports@contoso.example', courier: 'graph', ms: 90_400 },
      text: 'connection contoso uses Graph again after 90 s',
    },
  ]);
  told.chosen(message(), bySmtp(obstacle()));
  expect(said()).toHaveLength(1);
});

test('a mailbox goes by another courier for itself, with its name', () => {
  const { told, said } = world();
  const shut = obstacle({ of: 'mailbox', code: '5.7.60', text: '5.7.60 not allowed', needsAdmin: true });
  told.chosen(message(), bySmtp(shut));
  told.chosen(message('other@contoso.example'), bySmtp(shut));
  const lines = said();
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({
    level: 'error',
    fields: { connection: 'contoso', mailbox: 'reports@contoso.example', code: '5.7.60' },
    text: 'mail of reports@contoso.example uses SMTP: Graph unavailable since 2026-01-05T07:59:00.000Z: 5.7.60 not allowed',
  });
  told.delivered(message(), 'graph');
  told.delivered(message(), 'graph');
  expect(said().map(({ text }) => text)).toEqual(['mail of reports@contoso.example uses Graph again after 0 s']);
  expect(destinationOf(message())).not.toBe('contoso');
});

test('an attempt that passes nothing over, or that nothing was away for, says nothing', () => {
  const { told, said } = world();
  told.chosen(message(), { courier: 'graph', passedOver: [] });
  told.delivered(message(), 'graph');
  expect(said()).toEqual([]);
});

test('a clock that was set back makes no time negative', () => {
  const { told, clock, said } = world();
  told.chosen(message(), bySmtp(obstacle()));
  said();
  clock.set(-3_600_000);
  told.delivered(message(), 'graph');
  expect(said()).toMatchObject([{ fields: { ms: 0 }, text: 'connection contoso uses Graph again after 0 s' }]);
});
