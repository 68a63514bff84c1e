import { ImapFlow } from 'imapflow';
import { afterTest, type Microsoft365 } from './harness.ts';

/** A client of the simulated IMAP server, logged in with an app's token. */
export async function imapClient(m365: Microsoft365, mailbox: string): Promise<ImapFlow> {
  await m365.control('PATCH', '/state', { servicePrincipalRegistered: true, mailboxPermissions: 'all' });
  const { host, port } = m365.endpoints.imap;
  const client = new ImapFlow({
    host,
    port,
    secure: true,
    logger: false,
    auth: { user: mailbox, accessToken: await m365.token('exchange') },
    tls: { ca: m365.ca },
  });
  await client.connect();
  afterTest(async () => client.close());
  return client;
}
