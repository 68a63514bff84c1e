import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, it } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../../src/base/certificates.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { ExchangeReadServer } from '../../../src/simulator/exchange/imap-pop3-front-end.ts';
import { listenExchangePop3 } from '../../../src/simulator/exchange/pop3.ts';
import { Faults } from '../../../src/simulator/faults.ts';
import { MailboxDirectory } from '../../../src/simulator/mailboxes/mailbox-directory.ts';
import { play } from '../../support/transcript.ts';

const alice = 'alice@contoso.example';
const bob = 'bob@contoso.example';

let ca: CertificateAndKey;
let tls: CertificateAndKey;
let faults: Faults;
let server: ExchangeReadServer;

beforeAll(async () => {
  ca = await makeAuthority('Test', 10);
  tls = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
});

beforeEach(async () => {
  faults = new Faults();
  server = await listenExchangePop3({
    host: '127.0.0.1',
    port: 0,
    tls,
    directory: new MailboxDirectory([alice, bob]),
    verifyToken: (token) => (token === 'good' ? {} : undefined),
    permitted: (_, mailbox, protocol) => mailbox === alice && protocol === 'pop3',
    faults,
    log: silentLog,
  });
});

afterEach(() => server.close());

function xoauth2(mailbox: string, token: string): string {
  return Buffer.from(`user=${mailbox}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
}

async function session(script: string): Promise<void> {
  const socket = connect({ port: server.port, host: 'localhost', ca: ca.cert }).on('error', () => {});
  await play(socket, script);
  socket.destroy();
}

const greeting = 'S: +OK The Microsoft Exchange POP3 service is ready. [UwBJAE0A…]';

describe('the simulated Exchange by POP3', () => {
  it('takes XOAUTH2 in two lines and not in one', async () => {
    await session(`${greeting}
      C: CAPA
      S: +OK
      S: TOP
      S: UIDL
      S: SASL PLAIN XOAUTH2
      S: USER
      S: .
      C: AUTH XOAUTH2 ${xoauth2(alice, 'good')}
      S: -ERR Protocol error. 18
      C: AUTH XOAUTH2
      S: +${' '}
      C: ${xoauth2(alice, 'good')}
      S: +OK User successfully authenticated.
      C: STAT
      S: +OK 0 0
      C: QUIT
      S: +OK …
      S: <end>`);
  });

  it('takes no password, no bad token, and no token for another mailbox', async () => {
    await session(`${greeting}
      C: USER ${alice}
      S: +OK
      C: PASS secret
      S: -ERR Logon failure: unknown user name or bad password.
      C: AUTH XOAUTH2
      S: +${' '}
      C: ${xoauth2(alice, 'bad')}
      S: + eyJzdGF0dXMiOiI0MDAi…
      C:
      S: -ERR Authentication failure: unknown user name or bad password.
      C: AUTH XOAUTH2
      S: +${' '}
      C: ${xoauth2(bob, 'good')}
      S: -ERR Authentication failure: unknown user name or bad password.`);
  });

  it('fails as it is told to', async () => {
    faults.add({ target: 'pop3', kind: 'reply', at: 'connect', text: 'closed' });
    await session('S: -ERR closed\nS: <end>');
    faults.add({ target: 'pop3', kind: 'reply', at: 'auth', text: '[SYS/TEMP] not now' });
    await session(`${greeting}\nC: AUTH XOAUTH2\nS: +${' '}\nC: ${xoauth2(alice, 'good')}\nS: -ERR [SYS/TEMP] not now`);
  });
});
