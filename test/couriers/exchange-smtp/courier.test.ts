import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../../src/base/certificates.ts';
import { KeyedSemaphore } from '../../../src/base/semaphore.ts';
import { ExchangeSmtpCourier, type ExchangeSmtpCourierOptions } from '../../../src/couriers/exchange-smtp/courier.ts';
import type { Courier } from '../../../src/queue/courier.ts';
import { LeaseGuard } from '../../../src/queue/ownership/lease-guard.ts';
import { copyNotes, marker, outgoing, patience, plainMessage, unmarked } from '../outgoing.ts';

interface Received {
  readonly envelope: SMTPServerSession['envelope'];
  readonly octets: Buffer;
}

let authority: CertificateAndKey;
let certificate: CertificateAndKey;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  authority = await makeAuthority('Test CA', 1);
  certificate = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 1);
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => closers.length);

/** Nodemailer's SMTP server in the role of Exchange Online. */
async function exchange(options: SMTPServerOptions = {}) {
  const received: Received[] = [];
  const logins: string[] = [];
  const state = { connections: 0 };
  const server = new SMTPServer({
    ...certificate,
    authMethods: ['XOAUTH2'],
    hideDSN: false,
    size: 157_286_400,
    onConnect(_session, callback) {
      state.connections += 1;
      callback();
    },
    onAuth(auth, _session, callback) {
      logins.push(`${auth.username} ${auth.accessToken}`);
      callback(null, { user: auth.username });
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({ envelope: structuredClone(session.envelope), octets: Buffer.concat(chunks) });
        callback(null, '2.0.0 OK <server-id@x.prod.outlook.com> [Hostname=X.prod.outlook.com]');
      });
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  closers.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, received, logins, state };
}

function courierTo(port: number, options: Partial<ExchangeSmtpCourierOptions> = {}): ExchangeSmtpCourier {
  const courier = new ExchangeSmtpCourier({
    endpoint: { host: '127.0.0.1', port, security: 'starttls' },
    extraCa: authority.cert,
    getToken: async () => 'token-1',
    marker,
    copies: copyNotes(),
    permits: new KeyedSemaphore(3),
    ...options,
  }) satisfies Courier;
  closers.unshift(() => courier.close());
  return courier;
}

const corpus: [name: string, content: Buffer][] = [
  ['a plain message', Buffer.from('Subject: x\r\n\r\nHello.\r\n')],
  ['lines that begin with dots', Buffer.from('Subject: x\r\n\r\n.\r\n..\r\n.hidden\r\n...\r\n.\r\n')],
  ['8-bit text', Buffer.from('Subject: Grüße\r\n\r\nÄÖÜ ß € 日本\r\n')],
  ['octets that are no UTF-8', Buffer.from([...Buffer.from('Subject: x\r\n\r\n'), 0xe4, 0xf6, 0xff, 0x80, 0x0d, 0x0a])],
  ['a line of 100,000 octets', Buffer.from(`Subject: x\r\n\r\n${'y'.repeat(100_000)}\r\n`)],
  ['no line end at the end but CRLF', Buffer.from('Subject: x\r\n\r\n\r\n\r\n')],
  ['5 MB', Buffer.from(`Subject: x\r\n\r\n${'.dot and text\r\n'.repeat(370_000)}`)],
];

describe('A message handed to Exchange by SMTP', () => {
  it.each(corpus)('arrives octet for octet: %s', async (_name, content) => {
    const upstream = await exchange();
    const report = await courierTo(upstream.port).deliver(outgoing(content), patience);
    expect(report.recipients).toEqual([expect.objectContaining({ address: 'a@fabrikam.com', outcome: 'delivered' })]);
    expect(upstream.received).toHaveLength(1);
    expect(Buffer.compare(unmarked(upstream.received[0]!.octets), content)).toBe(0);
  });

  it('arrives octet for octet wherever it is cut in two, dots and line ends included', async () => {
    const upstream = await exchange();
    const courier = courierTo(upstream.port);
    const content = Buffer.from('Subject: x\r\n\r\n.\r\na.b\r\n..c\r\n.\r\n');
    for (let cut = 0; cut <= content.length; cut++) {
      const pieces = [content.subarray(0, cut), content.subarray(cut)].filter((piece) => piece.length > 0);
      const open = () => Readable.from(pieces, { objectMode: false });
      await courier.deliver({ ...outgoing(content), open }, patience);
      expect(unmarked(upstream.received.pop()!.octets).toString(), `cut at ${cut}`).toBe(content.toString());
    }
  });

  it('logs in as the mailbox with the token, by XOAUTH2 under TLS', async () => {
    const upstream = await exchange();
    await courierTo(upstream.port).deliver(outgoing(), patience);
    expect(upstream.logins).toEqual(['reports@contoso.com token-1']);
  });

  it("tells the server's name for the message", async () => {
    const upstream = await exchange();
    const report = await courierTo(upstream.port).deliver(outgoing(), patience);
    expect(report.upstreamId).toBe('<server-id@x.prod.outlook.com>');
    expect(report.recipients[0]).toMatchObject({ code: '2.0.0' });
  });

  it('goes under its true envelope, whatever its header says', async () => {
    const upstream = await exchange();
    const message = outgoing(undefined, {
      reversePath: 'alias@contoso.com',
      recipients: ['x@y.example', 'z@y.example'],
    });
    await courierTo(upstream.port).deliver(message, patience);
    const { mailFrom, rcptTo } = upstream.received[0]!.envelope;
    expect(mailFrom).toMatchObject({ address: 'alias@contoso.com' });
    expect(rcptTo.map((recipient) => recipient.address)).toEqual(['x@y.example', 'z@y.example']);
  });

  it('goes under the null reverse-path where it has none', async () => {
    const upstream = await exchange();
    await courierTo(upstream.port).deliver(outgoing(undefined, { reversePath: '' }), patience);
    expect(upstream.received[0]!.envelope.mailFrom).toMatchObject({ address: '' });
  });

  it('passes 8BITMIME, SMTPUTF8 and the DSN wishes of each recipient on', async () => {
    const upstream = await exchange();
    const message = outgoing(undefined, {
      smtpUtf8: true,
      dsn: { ret: 'HDRS', envid: 'a+b=c' },
      recipients: [
        { address: 'x@y.example', dsn: { notify: ['SUCCESS', 'FAILURE'], orcpt: 'rfc822;first+one@y.example' } },
        { address: 'z@y.example', dsn: { notify: ['NEVER'] } },
        { address: 'w@y.example' },
      ],
    });
    const report = await courierTo(upstream.port).deliver(message, patience);
    expect(report.recipients.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered', 'delivered']);
    const { envelope } = upstream.received[0]!;
    expect(envelope).toMatchObject({ bodyType: '8bitmime', smtpUtf8: true, dsn: { ret: 'HDRS', envid: 'a+b=c' } });
    expect(envelope.rcptTo.map((recipient) => recipient.dsn)).toEqual([
      { notify: ['SUCCESS', 'FAILURE'], orcpt: 'rfc822;first+one@y.example' },
      { notify: ['NEVER'] },
      undefined,
    ]);
  });

  it('reaches a UTF-8 address where the server takes them', async () => {
    const upstream = await exchange();
    await courierTo(upstream.port).deliver(outgoing(undefined, { recipients: ['jörg@müller.example'] }), patience);
    expect(upstream.received[0]!.envelope.smtpUtf8).toBe(true);
  });

  it('fails for good for the UTF-8 address alone where it does not', async () => {
    const upstream = await exchange({ hideSMTPUTF8: true });
    const message = outgoing(undefined, { recipients: ['jörg@y.example', 'x@y.example'] });
    const report = await courierTo(upstream.port).deliver(message, patience);
    expect(report.recipients).toEqual([
      expect.objectContaining({ address: 'jörg@y.example', outcome: 'permanent', code: 'address-not-sendable' }),
      expect.objectContaining({ address: 'x@y.example', outcome: 'delivered' }),
    ]);
  });
});

describe('The recipients of a message', () => {
  it('are told apart: one failed permanently, one for now, one accepted', async () => {
    const upstream = await exchange({
      onRcptTo(address, _session, callback) {
        const refusals: Record<string, [number, string]> = {
          'gone@y.example': [550, '5.1.1 No such user'],
          'busy@y.example': [451, '4.3.0 Try later'],
        };
        const refusal = refusals[address.address];
        if (!refusal) return callback();
        callback(Object.assign(new Error(refusal[1]), { responseCode: refusal[0] }));
      },
    });
    const message = outgoing(undefined, { recipients: ['gone@y.example', 'x@y.example', 'busy@y.example'] });
    const report = await courierTo(upstream.port).deliver(message, patience);
    expect(report.recipients).toMatchObject([
      { address: 'gone@y.example', outcome: 'permanent', code: '5.1.1', text: '550 5.1.1 No such user' },
      expect.objectContaining({ address: 'x@y.example', outcome: 'delivered' }),
      { address: 'busy@y.example', outcome: 'temporary', code: '4.3.0', text: '451 4.3.0 Try later' },
    ]);
    expect(upstream.received[0]!.envelope.rcptTo.map(({ address }) => address)).toEqual(['x@y.example']);
  });

  it('may all be refused, and the connection serves the next message', async () => {
    const upstream = await exchange({
      onRcptTo(address, _session, callback) {
        if (address.address !== 'gone@y.example') return callback();
        callback(Object.assign(new Error('5.1.1 No such user'), { responseCode: 550 }));
      },
    });
    const courier = courierTo(upstream.port);
    const first = await courier.deliver(outgoing(undefined, { recipients: ['gone@y.example'] }), patience);
    const second = await courier.deliver(outgoing(), patience);
    expect(first.recipients[0]).toMatchObject({ outcome: 'permanent', code: '5.1.1' });
    expect(second.recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(upstream.state.connections).toBe(1);
  });

  it('are shared out over transactions: at most 200 of one domain, 500 in all', async () => {
    const upstream = await exchange();
    const recipients = [
      ...Array.from({ length: 450 }, (_, n) => `u${n}@one.example`),
      ...Array.from({ length: 450 }, (_, n) => `u${n}@d${n}.example`),
    ];
    const report = await courierTo(upstream.port).deliver(outgoing(undefined, { recipients }), patience);
    expect(report.recipients.map(({ address }) => address)).toEqual(recipients);
    expect(new Set(report.recipients.map(({ outcome }) => outcome))).toEqual(new Set(['delivered']));
    const reached = upstream.received.map(({ envelope }) => envelope.rcptTo.map(({ address }) => address));
    expect(reached.flat().sort()).toEqual([...recipients].sort());
    expect(upstream.received).toHaveLength(3);
    for (const batch of reached) {
      expect(batch.length).toBeLessThanOrEqual(500);
      expect(batch.filter((address) => address.endsWith('@one.example')).length).toBeLessThanOrEqual(200);
    }
    expect(upstream.state.connections).toBe(1);
  });

  it('keep their outcome when a later transaction fails', async () => {
    let transactions = 0;
    const upstream = await exchange({
      onData(stream, _session, callback) {
        stream.resume();
        stream.on('end', () => {
          transactions += 1;
          if (transactions === 1) return callback(null, '2.0.0 OK');
          callback(Object.assign(new Error('4.7.500 Server busy'), { responseCode: 451 }));
        });
      },
    });
    const recipients = Array.from({ length: 500 }, (_, n) => `u${n}@one.example`);
    const report = await courierTo(upstream.port).deliver(outgoing(undefined, { recipients }), patience);
    const outcomes = report.recipients.map(({ outcome }) => outcome);
    expect(outcomes.slice(0, 200).every((outcome) => outcome === 'delivered')).toBe(true);
    expect(outcomes.slice(200).every((outcome) => outcome === 'temporary')).toBe(true);
    expect(transactions).toBe(2);
    expect(report.pauseMailboxMs).toBeGreaterThan(0);
  });

  it('that are too many for the server go into a transaction of their own', async () => {
    const upstream = await exchange({ maxRecipients: 2 });
    const recipients = ['a@y.example', 'b@y.example', 'c@y.example', 'd@y.example', 'e@y.example'];
    const report = await courierTo(upstream.port).deliver(outgoing(undefined, { recipients }), patience);
    expect(report.recipients.map(({ outcome }) => outcome)).toEqual(Array(5).fill('delivered'));
    expect(upstream.received.map(({ envelope }) => envelope.rcptTo.length)).toEqual([2, 2, 1]);
  });
});

describe('The login', () => {
  function refusing(accepted: string | undefined, text: string) {
    const tokens: string[] = [];
    const options: SMTPServerOptions = {
      onAuth(auth, _session, callback) {
        tokens.push(auth.accessToken ?? '');
        if (auth.accessToken === accepted) return callback(null, { user: auth.username });
        callback(Object.assign(new Error(text), { responseCode: 535 }));
      },
    };
    return { tokens, options };
  }

  it('S: 535 5.7.3 - the token is renewed and the login repeated', async () => {
    const { tokens, options } = refusing('token-2', '5.7.3 Authentication unsuccessful');
    const upstream = await exchange(options);
    const asked: unknown[] = [];
    const courier = courierTo(upstream.port, {
      getToken: async (request) => {
        asked.push(request);
        return request.refused === undefined ? 'token-1' : 'token-2';
      },
    });
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(tokens).toEqual(['token-1', 'token-2']);
    expect(asked).toEqual([{ mailbox: 'reports@contoso.com' }, { mailbox: 'reports@contoso.com', refused: 'token-1' }]);
  });

  it('S: 535 5.7.3 twice - an administrator is needed, the mailbox is paused, the mail is kept', async () => {
    const { tokens, options } = refusing(undefined, '5.7.3 Authentication unsuccessful [HOST.prod.outlook.com]');
    const upstream = await exchange(options);
    const courier = courierTo(upstream.port, {
      getToken: async ({ refused }) => (refused === undefined ? 'token-1' : 'token-2'),
    });
    const report = await courier.deliver(outgoing(undefined, { recipients: ['a@y.example', 'b@y.example'] }), patience);
    expect(tokens).toEqual(['token-1', 'token-2']);
    expect(report.pauseMailboxMs).toBe(60_000);
    for (const recipient of report.recipients) {
      expect(recipient).toMatchObject({ outcome: 'needs-admin', code: '5.7.3' });
      expect(recipient.text).toBe('535 5.7.3 Authentication unsuccessful [HOST.prod.outlook.com]');
      expect(recipient.remedy).toMatch(/Add-MailboxPermission/);
    }
  });

  it('S: 535 5.7.139 SMTP AUTH disabled - the remedy names the switch and the way by Graph', async () => {
    const { options } = refusing(
      undefined,
      '5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.',
    );
    const upstream = await exchange(options);
    const report = await courierTo(upstream.port).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: '5.7.139' });
    expect(report.recipients[0]!.remedy).toMatch(/SmtpClientAuthenticationDisabled \$false.*graph/);
  });

  it('never happens in clear: a server without STARTTLS could not get a token', async () => {
    const upstream = await exchange({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    const report = await courierTo(upstream.port).deliver(outgoing(), patience);
    expect(report.recipients[0]!.outcome).toBe('temporary');
    expect(upstream.logins).toEqual([]);
  });

  it('never happens with a server whose certificate is not trusted', async () => {
    const upstream = await exchange();
    const stranger = await makeAuthority('Somebody else', 1);
    const report = await courierTo(upstream.port, { extraCa: stranger.cert }).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: 'upstream-certificate-untrusted' });
    expect(upstream.logins).toEqual([]);
  });

  it('works over implicit TLS', async () => {
    const upstream = await exchange({ secure: true });
    const courier = courierTo(upstream.port, { endpoint: { host: '127.0.0.1', port: upstream.port, security: 'tls' } });
    expect((await courier.deliver(outgoing(), patience)).recipients[0]).toMatchObject({ outcome: 'delivered' });
  });

  it('in clear is for this machine alone', () => {
    const endpoint = { host: 'smtp.office365.com', port: 587, security: 'none' as const };
    expect(() => courierTo(587, { endpoint })).toThrow(/access token/);
  });
});

describe('Connections', () => {
  it('are reused from message to message', async () => {
    const upstream = await exchange();
    const courier = courierTo(upstream.port);
    for (let n = 0; n < 5; n += 1) await courier.deliver(outgoing(), patience);
    expect(upstream.received).toHaveLength(5);
    expect(upstream.state.connections).toBe(1);
  });

  it('are never more than the limit for a mailbox', async () => {
    let now = 0;
    let most = 0;
    const upstream = await exchange({
      onConnect(_session, callback) {
        now += 1;
        most = Math.max(most, now);
        callback();
      },
      onClose: () => {
        now -= 1;
      },
    });
    const courier = courierTo(upstream.port, { permits: new KeyedSemaphore(2) });
    const reports = await Promise.all(Array.from({ length: 20 }, () => courier.deliver(outgoing(), patience)));
    expect(reports.every((report) => report.recipients[0]!.outcome === 'delivered')).toBe(true);
    expect(upstream.received).toHaveLength(20);
    expect(most).toBe(2);
  });

  it('are left after the agreed number of messages', async () => {
    const upstream = await exchange();
    const courier = courierTo(upstream.port, { maxMessagesPerConnection: 2 });
    for (let n = 0; n < 5; n += 1) await courier.deliver(outgoing(), patience);
    expect(upstream.state.connections).toBe(3);
  });

  it('are left with QUIT when the courier closes', async () => {
    const closed: string[] = [];
    const upstream = await exchange({ onClose: (session) => void closed.push(session.id) });
    const courier = courierTo(upstream.port);
    await courier.deliver(outgoing(), patience);
    await courier.close();
    await expect.poll(() => closed).toHaveLength(1);
  });
});

describe('A message whose lease is lost', () => {
  /** Guarded by a lease that holds for this many checks. */
  function guarded(content: string | Buffer, holdsFor: number) {
    const message = outgoing(content);
    let asked = 0;
    const guard = new LeaseGuard({ key: 'contoso/a', fence: 1, sinceMs: 0 }, { holds: () => asked++ < holdsFor });
    return guard.guarded(message, () => message.open());
  }

  it.each([
    ['before the transaction', 0, plainMessage],
    ['when the server asks for it', 1, plainMessage],
    ['before its end', 2, plainMessage],
    ['before the end of many pieces', 2, `Subject: x\r\n\r\n${'.dot and text\r\n'.repeat(50_000)}`],
  ])('is not sent: %s', async (_when, holdsFor, content) => {
    const upstream = await exchange();
    const report = await courierTo(upstream.port).deliver(guarded(content, holdsFor), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary' });
    expect(report.trouble).toBeUndefined();
    expect(upstream.received).toEqual([]);
    const sent = await courierTo(upstream.port).deliver(guarded(content, 3), patience);
    expect(sent.recipients[0]).toMatchObject({ outcome: 'delivered' });
  });
});
