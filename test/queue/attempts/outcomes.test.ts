import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import type { RecipientOutcome } from '../../../src/message/delivery.ts';
import { Outcomes, type OutcomesOptions } from '../../../src/queue/attempts/outcomes.ts';
import type { Verdict } from '../../../src/queue/attempts/verdict.ts';
import type { Destination } from '../../../src/queue/destination.ts';
import type { Notice, QueuedMessage } from '../../../src/queue/message.ts';
import type { AttemptResult, QueueStore } from '../../../src/queue/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../recorded-log.ts';
import { newMessage } from '../stores/store-contract.ts';

const lease = { key: 'k', fence: 1, sinceMs: 0 };
const bounce = {
  id: 'bounce',
  envelope: { recipients: [{ address: 'ann@contoso.example' }] },
} as unknown as QueuedMessage;
const notice = { content: Buffer.from('x') } as unknown as Notice;
const served: RecipientOutcome = { address: 'b@fabrikam.example', outcome: 'delivered', code: '202', text: 'Accepted' };
const refused: RecipientOutcome = { ...served, outcome: 'permanent', code: '5.1.1' };

const message = (notify?: readonly string[]) =>
  ({
    ...newMessage(),
    id: 'm',
    recipients: [{ address: 'b@fabrikam.example', state: 'pending', ...(notify && { dsn: { notify } }) }],
  }) as unknown as QueuedMessage;

/** What is written of attempts, and what a destination is told. */
function world(overrides: Partial<OutcomesOptions> = {}) {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const told: string[] = [];
  const results: AttemptResult[] = [];
  const state = { failing: undefined as Error | undefined, queued: [] as QueuedMessage[], composed: 0 };
  const outcomes = new Outcomes({
    ...{ clock, log, backoff: { baseMs: 60_000, maxMs: 600_000 } },
    store: {
      record: async (id: string, result: AttemptResult, by: unknown) => {
        expect([id, by]).toEqual(['m', lease]);
        if (state.failing) throw state.failing;
        results.push(result);
        return state.queued;
      },
    } as unknown as QueueStore,
    bouncesFor: async () => {
      state.composed++;
      return [notice];
    },
    observer: { noticeQueued: ({ id }: QueuedMessage) => told.push(`observed ${id}`) } as never,
    onQueued: ({ id }) => told.push(`queued ${id}`),
    ...overrides,
  });
  const destination = {
    ...{ key: 'contoso/a', guard: { lease } },
    inFlight: {
      endUnwritten: (id: string, courier: string, ms: number) =>
        told.push(`unwritten ${id} ${courier} ${ms === clock.now()}`),
    },
    deferToEnd: (id: string) => told.push(`to the end ${id}`),
    defer: (untilMs: number) => told.push(`defer ${untilMs}`),
    stop: () => told.push('stop'),
    lookAgain: (untilMs: number) => told.push(`look again ${untilMs - clock.now()}`),
  } as unknown as Destination;
  const record = (
    verdict: Partial<Verdict>,
    {
      of = message(),
      report = [served],
      more = {},
    }: { of?: QueuedMessage; report?: readonly RecipientOutcome[]; more?: object } = {},
  ) =>
    outcomes.record(of, destination, {
      ...{ attempt: { startedAtMs: 1, durationMs: 2, outcomes: report }, report: { recipients: report, ...more } },
      ...{ courier: 'graph', endedAtMs: clock.now(), unfinished: undefined, ...more },
      verdict: { recipients: [], state: 'delivered', nextAttemptAtMs: 7, delivered: [], failed: [], ...verdict },
    });
  return { clock, lines, told, results, state, record, outcomes };
}

describe('an outcome', () => {
  test('is written as it was judged, and nothing beside it', async () => {
    const { record, results, told, state } = world();
    expect(await record({ delivered: [served] })).toBe(true);
    expect(results).toEqual([
      {
        ...{ attempt: { startedAtMs: 1, durationMs: 2, outcomes: [served] }, recipients: [], state: 'delivered' },
        ...{ nextAttemptAtMs: 7, courier: 'graph', bounces: [] },
      },
    ]);
    expect([told, state.composed]).toEqual([[], 0]);
  });

  test('of a message that waits makes its destination look then, or at once at the end of the line', async () => {
    const { record, told } = world();
    await record({ state: 'queued' });
    await record({ state: 'held' });
    await record({ state: 'queued', next: 'smtp' });
    expect(told).toEqual(['defer 7', 'to the end m']);
  });

  test('keeps what is unfinished still', async () => {
    const { record, results } = world();
    const unfinished = { startedAtMs: 3 };
    await record({}, { more: { unfinished } });
    expect(results[0]?.unfinished).toEqual(unfinished);
  });
});

describe('a bounce', () => {
  test('is composed for what has failed, and for what was delivered where the sender asks for it', async () => {
    const { record, state, results } = world();
    await record({ failed: [refused] });
    await record({ delivered: [served] }, { of: message(['SUCCESS', 'FAILURE']) });
    expect(state.composed).toBe(2);
    expect(results.map(({ bounces }) => bounces)).toEqual([[notice], [notice]]);
    await record({ delivered: [served] }, { of: message(['FAILURE']) });
    await record({ delivered: [{ ...served, address: 'other@x' }] }, { of: message(['SUCCESS']) });
    expect(state.composed).toBe(2);
  });

  test('that is queued is told', async () => {
    const { record, state, told, lines } = world();
    state.queued = [bounce];
    await record({ failed: [refused] });
    expect(told).toEqual(['observed bounce', 'queued bounce']);
    expect(lines).toEqual([
      { level: 'info', fields: { id: 'bounce', for: 'm', to: 'ann@contoso.example' }, text: 'bounce queued' },
    ]);
    const quiet = world({ observer: undefined as never });
    quiet.outcomes.bounceQueued({ ...bounce, envelope: { ...bounce.envelope, recipients: [] } }, message());
    expect(quiet.lines[0]?.fields).toMatchObject({ to: undefined });
  });

  test('that cannot be composed keeps no outcome from being written', async () => {
    const error = new Error('no header');
    const { record, results, lines } = world({
      bouncesFor: async () => {
        throw error;
      },
    });
    expect(await record({ failed: [refused] })).toBe(true);
    expect(results[0]?.bounces).toEqual([]);
    expect(lines).toEqual([{ level: 'error', fields: { error, id: 'm' }, text: 'cannot queue a bounce' }]);
  });
});

describe('an outcome that is not written', () => {
  test('is remembered, told, and keeps the destination from going on for a while', async () => {
    const { record, state, told, lines } = world();
    const error = new Error('disk I/O error');
    state.failing = error;
    expect(await record({ delivered: [served] })).toBe(false);
    expect(told).toEqual(['unwritten m graph true', 'look again 60000']);
    expect(lines).toEqual([
      { level: 'error', fields: { error, id: 'm' }, text: 'queue: cannot save the outcome of an attempt' },
    ]);
  });

  test('because another instance delivers stops the destination', async () => {
    const { record, state, told, lines } = world();
    state.failing = new BridgeError('lease-lost', 'x');
    expect(await record({ delivered: [served] })).toBe(false);
    expect(told).toEqual(['stop']);
    expect(lines).toMatchObject([{ level: 'warn', fields: { id: 'm', destination: 'contoso/a' } }]);
  });
});

describe('what is to follow a message', () => {
  const followUps = { firstWaitMs: 5_000, noteFor: async () => 'note' as string | undefined };
  const followed = (noteFor = followUps.noteFor) => world({ followUps: { ...followUps, noteFor } as never });

  test('is noted where somebody was served, due after a while', async () => {
    const { record, results, clock } = followed();
    await record({});
    await record({}, { more: { copies: 2 } });
    await record({}, { report: [refused] });
    const note = {
      connection: 'contoso',
      mailbox: 'reports@contoso.example',
      note: 'note',
      dueAtMs: clock.now() + 5_000,
    };
    expect(results.map(({ followUp }) => followUp)).toEqual([note, { ...note, times: 2 }, undefined]);
    expect(results[2]).not.toHaveProperty('followUp');
  });

  test('is nothing where nobody wants it, or it cannot be noted, which is told', async () => {
    const none = followed(async () => undefined);
    await none.record({});
    const error = new Error('no header');
    const failing = followed(async () => {
      throw error;
    });
    expect(await failing.record({})).toBe(true);
    for (const { results } of [none, failing]) expect(results[0]).not.toHaveProperty('followUp');
    expect(none.lines).toEqual([]);
    expect(failing.lines).toEqual([
      { level: 'error', fields: { error, id: 'm' }, text: 'queue: cannot save a follow-up' },
    ]);
  });
});
