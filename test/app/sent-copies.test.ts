import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { BridgeState } from '../../src/app/bridge-state.ts';
import type { Upstream } from '../../src/app/connections/upstream.ts';
import { SentCopies } from '../../src/app/sent-copies.ts';
import type { CopyRemoval } from '../../src/couriers/connection-couriers.ts';
import type { FollowUpRound } from '../../src/queue/follow-ups/follow-ups.ts';
import { outgoing } from '../couriers/outgoing.ts';
import { recordedLog } from '../queue/recorded-log.ts';
import { FakeClock } from '../support/fake-clock.ts';

const mailbox = 'reports@contoso.example';
const content = 'From: a@b.c\r\nMessage-ID: <1@contoso.example>\r\n\r\ntext\r\n';

/** The removal of copies from an upstream that behaves as the test says. */
function removal(removeCopies: (removal: CopyRemoval) => Promise<boolean> = async () => true) {
  const clock = new FakeClock();
  const { log, lines } = recordedLog();
  const asked: { readonly id: string; readonly messageId: string }[][] = [];
  const upstream: Pick<Upstream, 'removeCopies'> = {
    async removeCopies(wanted) {
      asked.push(wanted.messages.map(({ id, messageId }) => ({ id, messageId })));
      return removeCopies(wanted);
    },
  };
  const accounts = [
    { username: 'erp', sentItems: 'remove' },
    { username: 'scanner', sentItems: 'keep' },
  ];
  const state = { config: { accounts }, upstreams: new Map([['contoso', upstream]]) } as unknown as BridgeState;
  const copies = new SentCopies({
    config: { queue: { retryBaseSeconds: 60 } as never },
    clock,
    log,
    state: () => state,
  });
  return { copies, plan: copies.plan(async () => Readable.from([Buffer.from(content)])), clock, lines, asked };
}

function round(ids: readonly string[], connection = 'contoso') {
  const done: Record<string, number> = {};
  const given: FollowUpRound = {
    ...{ connection, mailbox, due: ids.map((id) => ({ id, note: `<${id}@x>` })) },
    isFinished: async () => true,
    done: (id, times) => {
      done[id] = times;
    },
  };
  return { given, done };
}

const { signal } = new AbortController();

test('what is sought is the Message-ID, for accounts that want no copies', async () => {
  const { plan } = removal();
  const message = (account: string) => ({ account, id: 'm1' }) as never;
  expect(await plan.noteFor(message('erp'))).toBe('<1@contoso.example>');
  expect(await plan.noteFor(message('scanner'))).toBeUndefined();
  // Meanwhile removed from the configuration.
  expect(await plan.noteFor(message('nobody'))).toBeUndefined();
});

test('a round is told at once, each message for whoever looks closer', async () => {
  const { plan, lines, asked } = removal(async ({ messages, onDone }) => {
    for (const { id } of messages) onDone(id, id === 'm3' ? 0 : 1);
    return true;
  });
  const { given, done } = round(['m1', 'm2', 'm3']);
  await plan.run(given, signal);
  expect(done).toEqual({ m1: 1, m2: 1, m3: 0 });
  expect(asked[0]?.[0]).toEqual({ id: 'm1', messageId: '<m1@x>' });
  expect(lines.map(({ level, text }) => `${level} ${text}`)).toEqual([
    'debug removed from Sent Items',
    'debug removed from Sent Items',
    `info removed from Sent Items of ${mailbox}: 2`,
  ]);
});

test.each([
  ['that it is not permitted', async () => false, 'sent-items-not-removable'],
  ['a failure', () => Promise.reject(new Error('no network')), undefined],
])('%s is told once an hour, with what was done before it', async (_what, fail, code) => {
  const { plan, lines, clock } = removal(async ({ onDone }) => {
    onDone('m1', 1);
    return fail();
  });
  for (let times = 0; times < 3; times += 1) await plan.run(round(['m1', 'm2']).given, signal);
  const warnings = () => lines.filter(({ level }) => level === 'warn');
  expect(warnings()).toHaveLength(1);
  expect(warnings()[0]?.text).toMatch(
    new RegExp(`^copies in Sent Items of ${mailbox} could not be removed; tried again: `),
  );
  if (code !== undefined)
    expect(warnings()[0]).toMatchObject({ fields: { error: { code } }, text: /Grant Mail\.ReadWrite/ });
  expect(lines.filter(({ level }) => level === 'info')).toHaveLength(3);
  await clock.advance(3_600_000);
  await plan.run(round(['m1']).given, signal);
  expect(warnings()).toHaveLength(2);
});

test('the end of the bridge is no failure, and a connection that is gone has nothing removed', async () => {
  const { plan, lines } = removal(() => Promise.reject(new Error('aborted')));
  await plan.run(round(['m1']).given, AbortSignal.abort());
  const { given, done } = round(['m1'], 'gone');
  await plan.run(given, signal);
  expect([lines, done]).toEqual([[], {}]);
});

test('what is given up is told: as a warning where copies stay', () => {
  const { plan, lines } = removal();
  plan.givenUp({ connection: 'contoso', mailbox }, 3, 'failed');
  plan.givenUp({ connection: 'contoso', mailbox }, 2, 'nothing-there');
  expect(lines.map(({ level, text }) => `${level} ${text}`)).toEqual([
    `warn copies of 3 messages stay in Sent Items of ${mailbox}: removing them failed for a day`,
    `info no copy of 2 messages was in Sent Items of ${mailbox}: nothing is left to remove`,
  ]);
});

test('of a direct delivery the copies go too, where somebody was served', async () => {
  const { copies, lines } = removal();
  const followed: unknown[] = [];
  const queue = { follow: async (...args: readonly unknown[]) => void followed.push(args) };
  const message = outgoing(content);
  const report = (outcome: 'delivered' | 'temporary') => ({
    recipients: [{ address: 'a@fabrikam.com', outcome, code: '202', text: 'x' }],
    copies: 1,
  });
  const account = (username: string) => ({ username, connection: 'contoso' });
  await copies.deliveredDirectly(queue, { account: account('erp'), message, report: report('temporary') });
  await copies.deliveredDirectly(queue, { account: account('scanner'), message, report: report('delivered') });
  expect(followed).toEqual([]);
  await copies.deliveredDirectly(queue, { account: account('erp'), message, report: report('delivered') });
  const followUp = { id: 'm1', connection: 'contoso', mailbox: message.mailbox, note: '<1@contoso.example>' };
  expect(followed).toEqual([[followUp, 1]]);
  queue.follow = () => Promise.reject(new Error('disk full'));
  await copies.deliveredDirectly(queue, { account: account('erp'), message, report: report('delivered') });
  expect(lines.map(({ level }) => level)).toEqual(['error']);
});
