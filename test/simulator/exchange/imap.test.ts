import { connect, type TLSSocket } from 'node:tls';
import { ImapFlow } from 'imapflow';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../../src/base/certificates.ts';
import { silentLog } from '../../../src/base/log.ts';
import { listenExchangeImap } from '../../../src/simulator/exchange/imap.ts';
import type { ExchangeReadServer } from '../../../src/simulator/exchange/imap-pop3-front-end.ts';
import { Faults } from '../../../src/simulator/faults.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { play } from '../../support/transcript.ts';

const alice = 'alice@contoso.example';
const bob = 'bob@contoso.example';

let ca: CertificateAndKey;
let tls: CertificateAndKey;
let directory: MailboxDirectory;
let faults: Faults;
let server: ExchangeReadServer;
let lifetime: number | undefined;

beforeAll(async () => {
  ca = await makeAuthority('Test', 10);
  tls = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
});

beforeEach(async () => {
  directory = new MailboxDirectory([alice, bob]);
  faults = new Faults();
  lifetime = undefined;
  server = await listenExchangeImap({
    host: '127.0.0.1',
    port: 0,
    tls,
    directory,
    verifyToken: (token) =>
      token === 'good' ? { ...(lifetime !== undefined && { exp: Date.now() / 1000 + lifetime }) } : undefined,
    permitted: (_, mailbox, protocol) => mailbox === alice && protocol === 'imap',
    faults,
    connectionsPerMailbox: 2,
    log: silentLog,
  });
});

afterEach(() => server.close());

function client(): TLSSocket {
  return connect({ port: server.port, host: 'localhost', ca: ca.cert }).on('error', () => {});
}

function xoauth2(mailbox: string, token: string): string {
  return Buffer.from(`user=${mailbox}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
}

async function session(script: string): Promise<void> {
  const socket = client();
  await play(socket, script);
  socket.destroy();
}

const greeting = 'S: * OK The Microsoft Exchange IMAP4 service is ready. [UwBJAE0A…]';
const login = `${greeting}
  C: a AUTHENTICATE XOAUTH2 ${xoauth2(alice, 'good')}
  S: a OK AUTHENTICATE completed.`;

describe('the simulated Exchange by IMAP', () => {
  it('tells its capabilities before and after login', async () => {
    await session(`${greeting}
      C: 1 CAPABILITY
      S: * CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+
      S: 1 OK CAPABILITY completed.
      C: 2 AUTHENTICATE XOAUTH2
      S: +${' '}
      C: ${xoauth2(alice, 'good')}
      S: 2 OK AUTHENTICATE completed.
      C: 3 CAPABILITY
      S: * CAPABILITY IMAP4 IMAP4rev1 … MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE …
      S: 3 OK CAPABILITY completed.`);
  });

  it('takes no password and no bad token', async () => {
    await session(`${greeting}
      C: 1 LOGIN ${alice} secret
      S: 1 NO LOGIN failed.
      C: 2 AUTHENTICATE PLAIN AGEAYg==
      S: 2 NO AUTHENTICATE failed.
      C: 3 AUTHENTICATE XOAUTH2 ${xoauth2(alice, 'bad')}
      S: + eyJzdGF0dXMiOiI0MDAi…
      C:
      S: 3 NO AUTHENTICATE failed.`);
  });

  it('takes a good token for a mailbox it does not open, and fails at the first command', async () => {
    await session(`${greeting}
      C: a AUTHENTICATE XOAUTH2 ${xoauth2(bob, 'good')}
      S: a OK AUTHENTICATE completed.
      C: b LIST "" *
      S: b BAD User is authenticated but not connected.
      C: c SELECT INBOX
      S: c BAD User is authenticated but not connected.`);
  });

  it('lets no more than its number of connections in', async () => {
    const [first, second] = [client(), client()];
    await play(first, login);
    await play(second, login);
    const third = `${login}\nC: b SELECT INBOX\nS: b BAD User is authenticated but not connected.`;
    await session(third);
    await play(first, 'C: z LOGOUT\nS: * BYE …\nS: z OK …\nS: <end>');
    await session(`${login}\nC: b STATUS INBOX (MESSAGES)\nS: * STATUS …\nS: b OK …`);
    second.destroy();
  });

  it('ends sessions whose token has expired', async () => {
    lifetime = 0.2;
    await session(`${login}\nS: * BYE Session invalidated - AccessTokenExpired\nS: <end>`);
  });

  it('fails as it is told to', async () => {
    faults.add({ target: 'imap', kind: 'reply', at: 'connect', text: 'Connection closed. 14' });
    await session('S: * BYE Connection closed. 14\nS: <end>');
    faults.add({ target: 'imap', kind: 'reply', text: 'BAD Request is throttled.' });
    await session(`${greeting}\nC: a AUTHENTICATE XOAUTH2 ${xoauth2(alice, 'good')}\nS: a BAD Request is throttled.`);
    faults.add({ target: 'imap', kind: 'reply', at: 'select', mailbox: alice, text: 'NO Server Unavailable. 15' });
    await session(`${login}\nC: b SELECT INBOX\nS: b NO Server Unavailable. 15\nC: c EXAMINE INBOX\nS: * 0 EXISTS`);
    faults.add({ target: 'imap', kind: 'cut-before', at: 'auth' });
    await session(`${greeting}\nC: a AUTHENTICATE XOAUTH2 ${xoauth2(alice, 'good')}\nS: <end>`);
  });

  it('serves imapflow: list, read, search, append, move, delete, idle', async () => {
    const text =
      'From: bob@contoso.example\r\nSubject: Grüße\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nÖffne\r\n';
    directory.deliver(alice, 'INBOX', Buffer.from(text));
    directory.deliver(alice, 'INBOX', Buffer.from('Subject: second\r\n\r\n2\r\n'), { flags: ['\\Seen'] });
    const flow = new ImapFlow({
      host: 'localhost',
      port: server.port,
      secure: true,
      tls: { ca: ca.cert },
      auth: { user: alice, accessToken: 'good' },
      logger: false,
    });
    await flow.connect();
    expect((await flow.list()).map(({ path }) => path)).toContain('Sent Items');
    const lock = await flow.getMailboxLock('INBOX');
    const all = await flow.fetchAll('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true, size: true });
    expect(all.map(({ uid, envelope }) => [uid, envelope?.subject])).toEqual([
      [1, 'Grüße'],
      [2, 'second'],
    ]);
    expect(all[0]).toMatchObject({ size: text.length + 3, bodyStructure: { type: 'text/plain' } });
    const download = await flow.download('1', undefined, { uid: true, chunkSize: 7 });
    const chunks: Buffer[] = [];
    for await (const chunk of download.content ?? []) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(text);
    expect(await flow.search({ subject: 'Grüße' }, { uid: true })).toEqual([1]);
    expect(await flow.search({ seen: true }, { uid: true })).toEqual([2]);
    const news = new Promise<unknown>((resolve) => flow.once('exists', resolve));
    directory.deliver(alice, 'INBOX', Buffer.from('Subject: third\r\n\r\n3\r\n'));
    await flow.noop();
    expect(await news).toMatchObject({ count: 3 });
    expect(await flow.append('Drafts', 'Subject: draft\r\n\r\n', ['\\Draft'])).toMatchObject({ uid: 1 });
    expect(await flow.messageMove('2', 'Deleted Items', { uid: true })).toMatchObject({ uidMap: new Map([[2, 1]]) });
    await flow.messageDelete('1', { uid: true });
    lock.release();
    await flow.logout();
    expect(directory.messages(alice, 'INBOX').map(({ uid }) => uid)).toEqual([3]);
    expect(directory.messages(alice, 'Drafts')[0]?.flags).toEqual(['\\Draft']);
  });
});
