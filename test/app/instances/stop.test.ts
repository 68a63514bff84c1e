import { expect, test } from 'vitest';
import { mailbridge } from '../../cli/harness.ts';
import { newSchema } from '../../queue/stores/postgres/opening.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { alice, contosoAccount, password, reports, startRelay } from '../../support/relay.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { SmtpDialogue } from '../../support/smtp-dialogue.ts';

/**
 * Sends messages at once, each too large for one statement: every database session that the bridge may have is in use.
 */
async function useAllSessions(port: number): Promise<void> {
  const credentials = Buffer.from(`\0graph\0${password}`).toString('base64');
  const replies = Array.from({ length: 15 }, async () => {
    const client = await SmtpDialogue.open(port);
    await client.say('EHLO client.test');
    await client.say(`AUTH PLAIN ${credentials}`);
    await client.pipeline(`MAIL FROM:<${reports}>`, `RCPT TO:<${alice}>`);
    const reply = await client.message(`Subject: one of many\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(20_000)}`);
    client.destroy();
    return reply;
  });
  for (const reply of await Promise.all(replies)) expect(reply).toMatch(/^250 /);
}

const server = postgresForTests({ fsync: 'off' });

test('a bridge that stops notes the last uses of app passwords in PostgreSQL first, and is soon gone', async () => {
  const relay = await startRelay({
    accounts: [contosoAccount('graph')],
    queue: { store: 'postgres', postgres: { url: server().url(), schema: newSchema() } },
  });
  const account = (...args: string[]) => mailbridge(['account', ...args, '--config', relay.folder.configFile]);
  const made = (await account('add', 'graph', '--name', 'scanner')).out.trim();
  noteSecret('user password', made);
  const client = await SmtpDialogue.open(relay.port());
  const credentials = Buffer.from(`\0graph\0${made}`).toString('base64');
  expect((await client.pipeline('EHLO client.test', `AUTH PLAIN ${credentials}`)).at(-1)).toMatch(/^235 /);
  client.destroy();
  await useAllSessions(relay.port());
  const began = performance.now();
  await relay.bridge.stop();
  expect(performance.now() - began).toBeLessThan(4_000);
  const listed = JSON.parse((await account('list', '--json')).out);
  expect(listed).toMatchObject([{ login: 'graph', name: 'scanner', lastUsedAt: expect.any(String) }]);
  await relay.close();
});
