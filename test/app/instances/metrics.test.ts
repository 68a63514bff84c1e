import { expect, onTestFinished, test } from 'vitest';
import { newSchema } from '../../queue/stores/postgres/opening.ts';
import { keptLog } from '../../support/kept-log.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { alice, contosoAccount, contosoConfig, relayFrom, reports, startContoso, until } from '../../support/relay.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

const server = postgresForTests({ fsync: 'off' });

test('the metrics of an instance tell how many share the queue, and how many mailboxes are its own', async () => {
  const simulator = await startContoso();
  onTestFinished(() => simulator.close());
  const schema = newSchema();
  const start = async (instance: string) => {
    const { log, lines } = keptLog();
    const config = contosoConfig(simulator, {
      instance,
      admin: { port: 0 },
      accounts: [contosoAccount('smtp', { networks: ['127.0.0.1'] })],
      queue: { store: 'postgres', postgres: { url: server().url(), schema } },
    });
    const relay = await relayFrom(simulator, config, log);
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= relay.bridge.stop());
    onTestFinished(async () => {
      await stop();
      await relay.folder.remove();
    });
    const admin = lines.find(({ msg }) => msg.startsWith('admin endpoint'))?.port;
    const figure = async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      return Number(new RegExp(`^mailbridge_${name} (\\d+)$`, 'm').exec(text)?.[1]);
    };
    return { relay, stop, figure };
  };
  const [one, two] = [await start('mail-1'), await start('mail-2')];
  await until('both to know of each other', async () =>
    (await Promise.all([one, two].map(({ figure }) => figure('instances')))).every((known) => known === 2),
  );
  const client = await SmtpDialogue.open(one.relay.port());
  await client.pipeline('EHLO client.test', `MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
  expect(await client.message('Subject: one\r\n\r\ntext\r\n')).toMatch(/^250 /);
  client.destroy();
  const leases = async () => (await one.figure('leases_held')) + (await two.figure('leases_held'));
  expect(await until('one of them to have the mailbox', async () => (await leases()) || undefined)).toBe(1);
  await two.stop();
  await until('one to be alone', async () => (await one.figure('instances')) === 1);
});
