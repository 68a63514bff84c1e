import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { ImapSentItems } from '../../../src/couriers/sent-items/imap.ts';
import { loginByImap } from '../../../src/exchange/reading/imap-client.ts';
import { afterTest, microsoft365 } from '../../simulator/harness.ts';
import { startDovecot } from '../../support/dovecot.ts';
import { needProgram } from '../../support/external.ts';
import { idOf, ownCopy, remove, strangersLike } from './removal.ts';

const mailbox = 'alice@contoso.example';

/** Sent Items on a server that this project did not write. */
async function atDovecot() {
  const microsoft = await microsoft365({ mailboxes: [mailbox] });
  const introspectionUrl = `${microsoft.endpoints.authority}/introspect?username=${mailbox}`;
  const introspectionCa = readFileSync(microsoft.endpoints.caFile, 'utf8');
  const dovecot = await startDovecot({ introspectionUrl, introspectionCa });
  afterTest(() => dovecot.stop());
  const endpoint = { host: '127.0.0.1', port: dovecot.imapPort, security: 'tls' } as const;
  const extraCa = dovecot.ca;
  const accessToken = await microsoft.token('exchange');
  const times = { connectTimeoutMs: 10_000, silenceTimeoutMs: 10_000 };
  const client = await loginByImap({ endpoint, extraCa, mailbox, accessToken, ...times });
  afterTest(() => client.logout().catch(() => {}));
  await client.mailboxCreate('Sent Items');
  const items = new ImapSentItems({ endpoint, extraCa, getToken: async () => accessToken });
  return { items, client, log: dovecot.log };
}

async function contents(client: ImapFlow): Promise<string[]> {
  await client.mailboxOpen('Sent Items', { readOnly: true });
  const found = await client.fetchAll('1:*', { source: true }, { uid: true });
  return found.map(({ source }) => String(source)).toSorted();
}

test('only the copies of these messages go, and what a person has marked as deleted stays', async (context) => {
  needProgram(context, 'doveadm');
  const { items, client } = await atDovecot();
  const staying = [...strangersLike('m1'), ownCopy('m2')];
  const large = ownCopy('m1') + randomBytes(3_000_000).toString('base64').replace(/.{76}/g, '$&\r\n');
  for (const content of [...staying, ownCopy('m1'), large, ownCopy('m3')]) await client.append('Sent Items', content);
  await client.append('Sent Items', 'Subject: marked\r\n\r\ntext\r\n', ['\\Deleted']);
  const result = await remove(items, ['m1', 'm3', 'gone', 'm2'], { mayGo: (id) => id !== 'm2' });
  expect(result).toEqual({ permitted: true, removed: { m1: 2, m3: 1, gone: 0 } });
  const status = await client.status('Sent Items', { messages: true });
  expect(status).toMatchObject({ messages: staying.length + 1 });
  expect(await remove(items, ['m1'])).toEqual({ permitted: true, removed: { m1: 0 } });
}, 60_000);

test('many messages go in one session, those with one Message-ID each by itself', async (context) => {
  needProgram(context, 'doveadm');
  const { items, client, log } = await atDovecot();
  const ids = Array.from({ length: 60 }, (_, at) => `many${at}`);
  for (const id of ids) await client.append('Sent Items', ownCopy(id));
  // A device that uses one Message-ID for everything it sends.
  await client.append('Sent Items', ownCopy('again', idOf('many0')));
  const logins = () => log().match(/imap-login: (?:Info: )?Login:/g)?.length ?? 0;
  const before = logins();
  const { removed } = await remove(items, ids);
  expect(removed).toEqual(Object.fromEntries(ids.map((id) => [id, 1])));
  expect(logins() - before).toBe(1);
  expect(await contents(client)).toEqual([ownCopy('again', idOf('many0'))]);
}, 60_000);
