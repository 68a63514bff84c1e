import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import type { DeliveryReport, RecipientOutcome } from '../../../src/message/delivery.ts';
import { DestinationLimits, type DestinationLimitsOptions } from '../../../src/queue/limits/destinations.ts';
import { dayMs, minuteMs } from '../../../src/queue/limits/limits.ts';
import type { LearnedPause } from '../../../src/queue/limits/pause.ts';
import type { QueuedMessage } from '../../../src/queue/message.ts';
import type { QueueStore, SentCount } from '../../../src/queue/store.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { courierTraits } from '../courier-traits.ts';
import { recordedLog } from '../recorded-log.ts';
import { newMessage } from '../stores/store-contract.ts';

const hourMs = 60 * minuteMs;
const key = 'contoso/reports@contoso.example';
const outside = { courier: 'graph', recipients: ['bo@fabrikam.example'] } as const;
const inside = { courier: 'graph', recipients: ['ann@contoso.example'] } as const;
const bySmtp = { courier: 'smtp', recipients: ['ann@contoso.example'] } as const;

interface Stored {
  pauses?: LearnedPause[];
  sent?: SentCount[];
  external?: (SentCount & { destination: string })[];
  sentOfConnection?: SentCount[];
}

function world(stored: Stored = {}, overrides: Partial<DestinationLimitsOptions> = {}) {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const written: (LearnedPause | string)[] = [];
  const since: number[] = [];
  const asked =
    <T>(found: readonly T[] = []) =>
    async (_: string, sinceMs: number) => {
      since.push(clock.now() - sinceMs);
      return found;
    };
  const store = {
    pauses: async () => stored.pauses ?? [],
    sentSince: asked(stored.sent),
    externalSince: asked(stored.external),
    sentOfConnectionSince: asked(stored.sentOfConnection),
    setPause: async (pause: LearnedPause) => void written.push(pause),
    endPause: async (ended: string) => void written.push(ended),
  };
  const limits = new DestinationLimits({
    ...{ clock, log, couriers: courierTraits, store: store as unknown as QueueStore },
    limits: { messagesPerMinute: 2, recipientsPerDay: 10, externalRecipientsPerDay: 3 },
    isInternal: (_, address) => address.endsWith('@contoso.example'),
    ...overrides,
  });
  const ended = (address: string, outcome: Partial<RecipientOutcome>, startedAtMs = clock.now()) => {
    const recipient = { address, outcome: 'temporary', code: '5.7.233', text: 'limit', ...outcome } as const;
    const report: DeliveryReport = { recipients: [recipient] };
    limits.ended(newMessage() as unknown as QueuedMessage, startedAtMs, report);
  };
  return { clock, limits, store, written, since, lines, ended };
}

const now = new FakeClock().now();
const pause = (more: Partial<LearnedPause> = {}): LearnedPause => ({
  ...{ key: 'contoso external', untilMs: now + hourMs, sinceMs: now, code: '5.7.233', text: 'limit', strikes: 1 },
  needsAdmin: false,
  ...more,
});
const sent = (agoMs: number, recipients: number, external = 0): SentCount => ({
  ...{ startedAtMs: now - agoMs, endedAtMs: now - agoMs, recipients, external },
});

test('a destination begins with what it sent within the last day, in any order', async () => {
  const { limits, since } = world({ sent: [sent(1000, 2), sent(2000, 7)] });
  const { meter, connection, pause: none } = await limits.of(key);
  expect([connection, none]).toEqual(['contoso', undefined]);
  expect(since).toContain(dayMs);
  expect(meter.waitMs(inside, false)).toBe(minuteMs - 2000);
  const more = { courier: 'graph', recipients: ['a', 'b'] } as const;
  expect(meter.waitMs(more, false)).toBe(dayMs - 2000);
});

test('pauses learned before a restart hold, but for those that wait for an administrator', async () => {
  const kept = pause({ key });
  expect((await world({ pauses: [kept] }).limits.of(key)).pause).toEqual(kept);
  expect((await world({ pauses: [pause({ key, needsAdmin: true })] }).limits.of(key)).pause).toBeUndefined();
});

test('the external recipients of a day are counted over a connection, and a pause of theirs goes on', async () => {
  const other = 'contoso/sales@contoso.example';
  const external = [
    { ...sent(1000, 1, 1), destination: other },
    { ...sent(2000, 2, 2), destination: other },
  ];
  const { limits } = world({ external });
  expect((await limits.of(key)).meter.externalWaitMs(outside)).toBe(dayMs - 2000);
  expect((await limits.of(key)).meter.externalWaitMs(inside)).toBe(0);
  const paused = (await world({ pauses: [pause()] }).limits.of(key)).meter;
  expect(paused.externalWaitMs(outside)).toBe(hourMs);
});

test('where nothing is known of the domains every recipient is external', async () => {
  const { clock, log } = { clock: new FakeClock(), log: recordedLog().log };
  const store = { pauses: async () => [pause()], sentSince: async () => [] } as unknown as QueueStore;
  const limits = new DestinationLimits({
    ...{ clock, log, store, couriers: courierTraits, limits: { messagesPerMinute: 2, recipientsPerDay: 10 } },
  });
  expect((await limits.of(key)).meter.externalWaitMs(inside)).toBe(hourMs);
});

test('the tenant’s limit, once Microsoft says that it is reached, holds for all its mailboxes until mail goes out again', async () => {
  const { limits, ended, written, lines, clock } = world();
  const { meter } = await limits.of('contoso/sales@contoso.example');
  ended('bo@fabrikam.example', { scope: 'tenant' });
  expect(written).toMatchObject([{ key: 'contoso external', untilMs: now + hourMs, strikes: 1 }]);
  expect(lines).toMatchObject([
    {
      level: 'warn',
      fields: { connection: 'contoso', destination: key, until: new Date(now + hourMs).toISOString() },
      text: 'the tenant has reached its limit of external recipients',
    },
  ]);
  expect(meter.externalWaitMs(outside)).toBe(hourMs);
  await clock.advance(hourMs);
  // Neither mail within the tenant, nor a refusal, nor what began during the pause shows that it is over.
  ended('ann@contoso.example', { outcome: 'delivered' });
  ended('bo@fabrikam.example', { outcome: 'permanent' });
  ended('bo@fabrikam.example', { outcome: 'delivered' }, now + hourMs - 1);
  expect(written).toHaveLength(1);
  ended('bo@fabrikam.example', { outcome: 'delivered' }, now + hourMs);
  expect(written.slice(1)).toEqual(['contoso external']);
  ended('bo@fabrikam.example', { outcome: 'delivered' });
  expect(written).toHaveLength(2);
});

test('a limit that cannot be kept is told', async () => {
  const { limits, store, ended, lines, clock } = world({ pauses: [pause()] });
  await limits.of(key);
  store.setPause = store.endPause = async () => {
    throw new Error('disk I/O error');
  };
  await clock.advance(hourMs);
  ended('bo@fabrikam.example', { outcome: 'delivered' });
  ended('bo@fabrikam.example', { scope: 'tenant' });
  await settle();
  const told = lines.filter(({ text }) => text === 'queue: cannot save a learned limit');
  expect(told.map(({ level }) => level)).toEqual(['error', 'error']);
});

test('mailboxes that one person sends as share a login by SMTP: what it sent, its turns, and nobody else’s', async () => {
  const { limits, since } = world({ sentOfConnection: [sent(1000, 1)] }, { oneLogin: (name) => name === 'contoso' });
  const other = 'contoso/sales@contoso.example';
  const [one, two] = [(await limits.of(key)).meter, (await limits.of(other)).meter];
  const woken: string[] = [];
  limits.opened(other, { wake: () => woken.push(other) });
  expect(one.waitMs(bySmtp, false)).toBe(0);
  expect(since).toContain(minuteMs);
  const part = one.reserve(bySmtp);
  expect(two.waitMs(bySmtp, false)).toBeGreaterThan(0);
  expect(two.waitMs(inside, false)).toBe(0);
  expect((await limits.of('fabrikam/a@fabrikam.example')).meter.waitMs(bySmtp, false)).toBe(0);
  one.release(part);
  expect(woken).toEqual([other]);
});

test('a login has as many attempts at once as a mailbox may have', async () => {
  const most = { messagesPerMinute: 100, recipientsPerDay: 100 };
  for (const concurrentPerMailbox of [undefined, 1]) {
    const { limits } = world(
      {},
      {
        oneLogin: () => true,
        limits: { ...most, ...(concurrentPerMailbox === undefined ? {} : { concurrentPerMailbox }) },
      },
    );
    for (let n = 0; n < (concurrentPerMailbox ?? 3); n++)
      (await limits.of(`contoso/${n}@contoso.example`)).meter.reserve(bySmtp);
    expect((await limits.of(key)).meter.waitMs(bySmtp, false)).toBe(10_000);
  }
});

const other = 'contoso/sales@contoso.example';
/** A destination that counts how often it is woken. */
const woken = () => {
  const destination = { times: 0, wake: () => void destination.times++ };
  return destination;
};

test('what was sent, and what was sent outside, is asked for of one day', async () => {
  const { limits, store } = world();
  const asked: [string, string, number][] = [];
  for (const name of ['sentSince', 'externalSince'] as const) {
    store[name] = async (of: string, sinceMs: number) => {
      asked.push([name, of, now - sinceMs]);
      return [];
    };
  }
  await limits.of(key);
  expect(asked.sort()).toEqual([
    ['externalSince', 'contoso', dayMs],
    ['sentSince', key, dayMs],
  ]);
});

test('what a connection shares is read once, and again after others have delivered', async () => {
  const { limits, store } = world();
  const reads = { pauses: 0, external: 0 };
  store.pauses = async () => {
    reads.pauses++;
    return [];
  };
  store.externalSince = async () => {
    reads.external++;
    return [];
  };
  await Promise.all([limits.of(key), limits.of(other)]);
  await limits.of(key);
  expect(reads).toEqual({ pauses: 1, external: 1 });
  limits.renew();
  await limits.of(key);
  expect(reads).toEqual({ pauses: 2, external: 2 });
});

test.each(['pauses', 'externalSince'] as const)('a read that has failed is made anew: %s', async (name) => {
  const { limits, store } = world({ pauses: [pause({ key })] });
  const works = store[name];
  store[name] = async () => {
    throw new Error('disk I/O error');
  };
  await expect(limits.of(key)).rejects.toThrow('disk I/O error');
  store[name] = works as never;
  expect((await limits.of(key)).pause).toMatchObject({ key });
});

test('of two pauses of external recipients the one that lasts longer holds', async () => {
  const { limits, ended, clock } = world({ pauses: [pause({ untilMs: now + minuteMs })] });
  const { external } = await limits.of(key);
  expect(external.pause?.untilMs).toBe(now + minuteMs);
  ended('bo@fabrikam.example', { scope: 'tenant' });
  const learnedUntilMs = external.pause?.untilMs ?? 0;
  expect(learnedUntilMs).toBeGreaterThan(now + minuteMs);
  limits.renew();
  await clock.advance(1);
  await limits.of(key);
  expect(external.pause?.untilMs).toBe(learnedUntilMs);
});

test('what mailboxes of a connection share stays as long as one of them is open, and is counted anew after that', async () => {
  const { limits } = world();
  const parts = await limits.of(key);
  limits.opened(key, woken());
  limits.opened(other, woken());
  limits.closed(other);
  expect(limits.areOfNow(parts)).toBe(true);
  limits.closed('contoso/nobody@contoso.example');
  limits.closed(other);
  expect(limits.areOfNow(parts)).toBe(true);
  limits.closed(key);
  expect(limits.areOfNow(parts)).toBe(false);
  expect((await limits.of(key)).external).not.toBe(parts.external);
  expect(limits.areOfNow(await limits.of('fabrikam/a@fabrikam.example'))).toBe(true);
});

/** Grants of the tenant's limit to instances that share it. */
function sharedGrants() {
  const returned: string[] = [];
  const state = { answer: async () => 3, hold: undefined as Promise<void> | undefined };
  const grants = {
    grant: async () => await state.answer(),
    giveBack: async (connection: string, amount: number) => {
      await state.hold;
      returned.push(`${amount} of ${connection}`);
    },
  };
  return { grants, returned, state };
}

test('a part of the tenant’s limit that is granted wakes the mailboxes of the connection that wait for it', async () => {
  const { grants } = sharedGrants();
  const { limits, store, lines } = world();
  Object.assign(store, { grants });
  const { meter } = await limits.of(key);
  const [mine, ours, theirs] = [woken(), woken(), woken()];
  limits.opened(key, mine);
  limits.opened(other, ours);
  limits.opened('fabrikam/a@fabrikam.example', theirs);
  expect(meter.isExternalAskedFor(outside)).toBe(true);
  await settle();
  expect([mine.times > 0, ours.times > 0, theirs.times]).toEqual([true, true, 0]);
  expect(meter.isExternalAskedFor(outside)).toBe(false);
  expect(lines).toEqual([]);
});

test.each([
  [new Error('syntax error'), 1],
  [new BridgeError('queue-full', 'x'), 1],
  [new BridgeError('queue-unreachable', 'x'), 0],
])('a grant that cannot be asked for is told, but for a store that is away: %s', async (error, times) => {
  const { grants, state } = sharedGrants();
  state.answer = async () => {
    throw error;
  };
  const { limits, store, lines } = world();
  Object.assign(store, { grants });
  const { meter } = await limits.of(key);
  meter.isExternalAskedFor(outside);
  await settle();
  expect(lines.filter(({ text }) => text.includes('cannot share the limit'))).toHaveLength(times);
});

test.each(['its last mailbox is closed', 'nothing is delivered any more'])(
  'what a connection holds of the limit others may have when %s, before the end',
  async (when) => {
    const { grants, returned, state } = sharedGrants();
    const { limits, store } = world();
    Object.assign(store, { grants });
    const { meter } = await limits.of(key);
    limits.opened(key, woken());
    meter.isExternalAskedFor(outside);
    await settle();
    let release = () => {};
    state.hold = new Promise((resolve) => {
      release = resolve;
    });
    if (when.startsWith('its')) limits.closed(key);
    let isStopped = false;
    const stopping = limits.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect([isStopped, returned]).toEqual([false, []]);
    release();
    await stopping;
    expect(returned).toEqual(['3 of contoso']);
  },
);
