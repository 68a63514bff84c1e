import { describe, expect, test } from 'vitest';
import type { CourierOrder } from '../../../src/message/courier-kind.ts';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import { courierPauseKey } from '../../../src/queue/choice/courier-pauses.ts';
import { MailboxPauses } from '../../../src/queue/choice/mailbox-pauses.ts';
import type { LearnedPause } from '../../../src/queue/limits/pause.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { trouble } from '../breakers/outage-world.ts';

const key = 'contoso/reports@contoso.example';
const byGraph = courierPauseKey(key, 'graph');
const minuteMs = 60_000;

const outcome = (more: Partial<RecipientOutcome> = {}): RecipientOutcome => ({
  address: 'b@fabrikam.example',
  outcome: 'temporary',
  code: '4.7.0',
  text: 'slow down',
  scope: 'mailbox',
  ...more,
});
const works: DeliveryReport = { recipients: [outcome({ outcome: 'delivered' })] };
const paused = (more: Partial<DeliveryReport> = {}): DeliveryReport => ({
  recipients: [outcome()],
  pauseMailboxMs: minuteMs,
  ...more,
});
const needsAdmin: DeliveryReport = { recipients: [outcome({ outcome: 'needs-admin', code: '5.7.60', text: 'no' })] };

/** The pauses of a mailbox, and what was written to the store. */
function world(failing?: Error) {
  const clock = new FakeClock();
  const told: string[] = [];
  const failures: unknown[] = [];
  const note = (what: string) => async (given: LearnedPause | string) => {
    if (failing) throw failing;
    told.push(typeof given === 'string' ? `${what} ${given}` : `${what} ${given.key} ${given.code}`);
  };
  const pauses = new MailboxPauses({
    ...{ key, clock, failoverAfterMs: 5 * minuteMs, adminPauseMs: 2 * minuteMs },
    store: { setPause: note('set'), endPause: note('end') },
    onFailure: (error) => failures.push(error),
    onPause: (pause) => told.push(`paused ${pause.key}`),
  });
  const learn = (
    report: DeliveryReport,
    {
      couriers = ['graph'],
      isNarrowed = false,
      startedAtMs = clock.now(),
    }: { couriers?: CourierOrder; isNarrowed?: boolean; startedAtMs?: number } = {},
  ) => pauses.learn({ courier: 'graph', couriers, isNarrowed, startedAtMs }, report);
  return { clock, told, failures, pauses, learn };
}

describe('a mailbox with one courier', () => {
  test('is paused as asked, and goes on once an attempt after that has worked', async () => {
    const { clock, told, pauses, learn } = world();
    learn(works);
    expect([pauses.isInTrouble, pauses.leftMs, told]).toEqual([false, 0, []]);
    learn(paused());
    expect([pauses.isInTrouble, pauses.leftMs]).toEqual([true, minuteMs]);
    expect(told.splice(0)).toEqual([`set ${key} 4.7.0`, `paused ${key}`]);
    learn(works);
    expect(pauses.isInTrouble).toBe(true);
    await clock.advance(minuteMs);
    expect([pauses.isInTrouble, pauses.leftMs]).toEqual([true, 0]);
    learn({ recipients: [outcome()] });
    expect(pauses.isInTrouble).toBe(true);
    learn({ recipients: [outcome({ outcome: 'permanent' })] });
    expect([pauses.isInTrouble, told]).toEqual([false, [`end ${key}`]]);
  });

  test('waits for an administrator until one has acted', () => {
    const { told, pauses, learn } = world();
    learn(needsAdmin);
    expect(pauses.leftMs).toBe(2 * minuteMs);
    told.splice(0);
    pauses.adminActed();
    expect([pauses.isInTrouble, told]).toEqual([false, [`end ${key}`]]);
    learn(paused());
    pauses.adminActed();
    expect(pauses.isInTrouble).toBe(true);
  });

  test('is not paused for trouble of its connection that is over, nor by a clock that was set back', () => {
    const { clock, pauses, learn } = world();
    learn(paused());
    pauses.troubleOver('other');
    pauses.clockWasSetBack();
    expect(pauses.isInTrouble).toBe(true);
    pauses.troubleOver('4.7.0');
    expect(pauses.isInTrouble).toBe(false);
    learn(paused());
    clock.set(-1);
    pauses.clockWasSetBack();
    expect(pauses.isInTrouble).toBe(false);
  });

  test('knows its pause from before', () => {
    const clock = new FakeClock();
    const pause: LearnedPause = {
      ...{ key, untilMs: clock.now() + 5, sinceMs: clock.now(), code: 'x', text: '', strikes: 1, needsAdmin: false },
    };
    const store = { setPause: async () => {}, endPause: async () => {} };
    const options = { key, clock, store, failoverAfterMs: 1, adminPauseMs: 1, onFailure() {}, onPause() {} };
    const learned = new Map([[byGraph, { ...pause, key: byGraph }]]);
    const pauses = new MailboxPauses({ ...options, pause, learned });
    expect([pauses.leftMs, pauses.ofCouriers.isPaused('graph')]).toEqual([5, true]);
  });
});

describe('a mailbox with several couriers', () => {
  const couriers: CourierOrder = ['graph', 'smtp'];

  test('is paused itself for what is not the courier’s', () => {
    const { told, pauses, learn } = world();
    learn(paused(), { couriers });
    expect(pauses.isInTrouble).toBe(true);
    expect(pauses.ofCouriers.isPaused('graph')).toBe(false);
    expect(told).toEqual([`set ${key} 4.7.0`, `paused ${key}`]);
  });

  test.each([
    ['of the courier', paused({ recipients: [outcome({ ofCourier: true })] })],
    ['of the connection', paused({ trouble: trouble('graph', '4.7.0', 'x') })],
  ])('has the courier alone paused for what is %s', async (_, report) => {
    for (const how of [{ couriers }, { couriers: ['graph'] as const, isNarrowed: true }]) {
      const { clock, told, pauses, learn } = world();
      learn(report, how);
      expect([pauses.isInTrouble, pauses.ofCouriers.isPaused('graph')]).toEqual([false, true]);
      expect(told.splice(0)).toEqual([`set ${byGraph} 4.7.0`, `paused ${byGraph}`]);
      await clock.advance(minuteMs);
      learn(works, how);
      expect([pauses.ofCouriers.isPaused('graph'), told]).toEqual([false, [`end ${byGraph}`]]);
    }
  });

  test('pauses the courier that made the attempt, where that is another', () => {
    const { pauses, learn } = world();
    learn(paused({ recipients: [outcome({ ofCourier: true })], courier: 'smtp' }), { couriers });
    expect(['graph', 'smtp'].map((each) => pauses.ofCouriers.isPaused(each as 'graph'))).toEqual([false, true]);
  });

  test('has its courier’s pause ended as its own', () => {
    const ofCourier = { ...needsAdmin, recipients: [outcome({ outcome: 'needs-admin', ofCourier: true })] };
    for (const end of ['adminActed', 'troubleOver', 'clockWasSetBack'] as const) {
      const { clock, told, pauses, learn } = world();
      learn(ofCourier, { couriers });
      told.splice(0);
      if (end === 'clockWasSetBack') clock.set(-1);
      pauses[end]('4.7.0');
      expect([pauses.ofCouriers.isPaused('graph'), told]).toEqual([false, [`end ${byGraph}`]]);
    }
  });
});

test('a store that cannot be told is told of, and the pause holds all the same', async () => {
  const error = new Error('disk I/O error');
  const { pauses, learn, failures, clock } = world(error);
  learn(paused());
  expect(pauses.leftMs).toBe(minuteMs);
  await clock.advance(minuteMs);
  learn(works);
  learn(paused({ recipients: [outcome({ ofCourier: true })] }), { couriers: ['graph', 'smtp'] });
  await settle();
  expect(failures).toEqual([error, error, error]);
});
