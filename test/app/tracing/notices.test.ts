import { expect, onTestFinished, test } from 'vitest';
import type { MessageHop } from '../../../src/app/tracing/hops.ts';
import { noticeHopsOf } from '../../../src/app/tracing/notices.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { mailbridge } from '../../cli/harness.ts';
import { newMessage, put } from '../../queue/stores/store-contract.ts';
import { alice, bob, contosoAccount, password, reports, startRelay, until } from '../../support/relay.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Traced {
  readonly id: string;
  readonly state: string;
  readonly hops: readonly MessageHop[];
}

/**
 * A bridge in front of a Microsoft that permanently refuses the next message; its sender and an administrator are
 * notified.
 */
async function refusingRelay() {
  const relay = await startRelay({
    listeners: [{ protocol: 'smtp', port: 0, security: 'none' }],
    accounts: [contosoAccount('smtp', { bounceTo: alice })],
    queue: { failuresTo: bob },
  });
  onTestFinished(() => relay.close());
  const refusal = { status: 550, code: '5.6.11', text: 'Invalid characters' };
  relay.simulator.faults.add({ target: 'smtp', kind: 'reply', at: 'data', ...refusal }, 1);
  const run = (command: string[]) => mailbridge([...command, '--config', relay.folder.configFile]);
  return {
    port: relay.port(),
    run,
    trace: async (id: string) => JSON.parse((await run(['trace', id, '--json'])).out)[0] as Traced,
  };
}

/** @returns its queue id */
async function submit(port: number): Promise<string> {
  const client = await SmtpDialogue.open(port);
  onTestFinished(() => client.destroy());
  const credentials = Buffer.from(`\0smtp\0${password}`).toString('base64');
  const greeting = ['EHLO client.test', `AUTH PLAIN ${credentials}`];
  await client.pipeline(...greeting, `MAIL FROM:<${reports}>`, 'RCPT TO:<x@fabrikam.example>');
  const reply = await client.message(`From: ${reports}\r\nSubject: Scan 7\r\n\r\ntext\r\n`);
  return /Queued as (\w+)/.exec(reply)?.[1] ?? reply;
}

test('a message that bounced shows its bounces, and each of these shows the message, also when that is gone', async () => {
  const { port, run, trace } = await refusingRelay();
  const id = await submit(port);
  const { hops } = await until('the delivery of both bounces', async () => {
    const traced = await trace(id);
    return traced.hops.filter(({ detail }) => detail.endsWith(': delivered')).length === 2 && traced;
  });
  expect(hops.map(({ what }) => what)).toEqual(['accepted', 'queued', 'attempt', 'failed', 'notice', 'notice']);
  const notices = hops.filter(({ what }) => what === 'notice');
  expect(notices.map(({ detail, message }) => detail.replace(message ?? '', 'ID'))).toEqual([
    `ID to <${alice}>: delivered`,
    `ID to <${bob}>: delivered`,
  ]);
  expect(hops[0]).not.toHaveProperty('message');

  const [bounce = ''] = notices.map(({ message }) => message);
  expect((await run(['trace', id])).out).toContain(`notice      ${bounce} to <${alice}>: delivered\n`);
  const [accepted, ...others] = (await trace(bounce)).hops;
  expect(accepted).toMatchObject({ what: 'accepted', message: id });
  expect(accepted?.detail).toMatch(`made by the bridge, about message ${id}, account smtp, from <>, `);
  expect(others.map(({ what }) => what)).toEqual(['queued', 'attempt', 'delivered']);
  expect((await run(['queue', 'show', bounce])).out).toMatch(new RegExp(`^ {2}reports on ${id}$`, 'm'));

  expect((await run(['queue', 'delete', id, '--yes'])).code).toBe(0);
  expect((await run(['trace', id])).err).toContain('message-not-found');
  expect((await trace(bounce)).hops[0]).toEqual(accepted);
});

test('of very many notices the oldest are shown, and that there are more', async () => {
  const store = openSqliteStore(temporaryFolder(), { exclusive: true });
  onTestFinished(() => store.close());
  const message = await put(store, 'x');
  const notice = { isBounce: true, noticeAbout: message.id, envelope: { ...newMessage().envelope, reversePath: '' } };
  const ids: string[] = [];
  const make = async () => ids.push((await put(store, 'n', notice)).id);
  for (let n = 0; n < 50; n++) await make();
  expect((await noticeHopsOf(message, store)).map((hop) => hop.message)).toEqual(ids);
  await make();
  const hops = await noticeHopsOf(message, store);
  expect(hops.map((hop) => hop.message)).toEqual([...ids.slice(0, 50), undefined]);
  expect(hops.at(-1)).toEqual({ at: null, what: 'notice', detail: 'and more than these 50' });
});
