import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { type Microsoft365, message, microsoft365 } from './harness.ts';

const reports = 'reports@contoso.example';

/** Reads the INBOX as imapflow does. */
async function readInbox(m365: Microsoft365, user: string, accessToken: string): Promise<string[]> {
  const { host, port } = m365.endpoints.imap;
  const client = new ImapFlow({
    host,
    port,
    secure: true,
    tls: { ca: m365.ca },
    auth: { user, accessToken },
    logger: false,
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const { exists } = await client.mailboxOpen('INBOX');
    // Exchange reports an error for message 1 in an empty folder.
    if (exists === 0) return [];
    const texts: string[] = [];
    for await (const { source } of client.fetch('1:*', { source: true })) texts.push(source?.toString() ?? '');
    return texts;
  } finally {
    client.close();
  }
}

/** The server's error text. */
async function refusal(reading: Promise<unknown>): Promise<string | undefined> {
  const error = (await reading.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  )) as Error & { responseStatus?: string; responseText?: string };
  return error.responseText ? `${error.responseStatus} ${error.responseText}` : error.message;
}

test('what Graph accepts, IMAP shows, with a token of the same tenant', async () => {
  const m365 = await microsoft365();
  const mime = message({
    From: reports,
    To: 'alice@contoso.example',
    'Message-ID': '<1@x.example>',
    Date: 'Sat, 21 Nov 2026 10:00:00 +0000',
  });
  await m365.get(`${m365.endpoints.graph}/v1.0/users/${reports}/sendMail`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await m365.token('graph')}`, 'Content-Type': 'text/plain' },
    body: Buffer.from(mime).toString('base64'),
  });
  expect(await readInbox(m365, 'alice@contoso.example', await m365.token('exchange'))).toEqual([mime]);
});

test('a Graph token and one without IMAP.AccessAsApp fail at AUTHENTICATE', async () => {
  const m365 = await microsoft365();
  expect(await refusal(readInbox(m365, reports, await m365.token('graph')))).toBe('NO AUTHENTICATE failed.');
  await m365.control('PATCH', '/state', { exchangeRoles: ['POP.AccessAsApp'] });
  expect(await refusal(readInbox(m365, reports, await m365.token('exchange')))).toBe('NO AUTHENTICATE failed.');
});

test('no service principal in Exchange: the login itself fails, until it is mended', async () => {
  const m365 = await microsoft365();
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: false });
  const token = await m365.token('exchange');
  expect(await refusal(readInbox(m365, reports, token))).toBe('NO AUTHENTICATE failed.');
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: true });
  expect(await readInbox(m365, reports, token)).toEqual([]);
});

test.each([
  ['no permission on the mailbox', { mailboxPermissions: ['bob@contoso.example'] }],
  ['IMAP switched off for the mailbox', { imapDisabledFor: [reports] }],
])('%s: authenticated but not connected, until it is mended', async (_, broken) => {
  const m365 = await microsoft365();
  const before = await (await m365.control('GET', '/state')).json();
  await m365.control('PATCH', '/state', broken);
  const token = await m365.token('exchange');
  expect(await refusal(readInbox(m365, reports, token))).toBe('BAD User is authenticated but not connected.');
  const { mailboxPermissions, imapDisabledFor } = before as Record<string, unknown>;
  await m365.control('PATCH', '/state', { mailboxPermissions, imapDisabledFor });
  expect(await readInbox(m365, reports, token)).toEqual([]);
});
