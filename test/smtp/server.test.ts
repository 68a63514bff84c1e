import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ListenerLimits } from '../../src/listeners/listener.ts';
import { listenSmtp } from '../../src/listeners/smtp-listener.ts';
import type { Envelope } from '../../src/message/envelope.ts';
import { type SmtpConnectionInfo, SmtpReply, type SmtpSession } from '../../src/smtp/session.ts';
import type { SmtpServerSettings } from '../../src/smtp/settings.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

let certificate: CertificateAndKey;
let authority: CertificateAndKey;

beforeAll(async () => {
  authority = await makeAuthority('Test CA', 10);
  certificate = await issueServerCertificate(authority, ['127.0.0.1', 'localhost'], 10);
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A server whose only user is `scanner` with the password `sesame`, and what it accepted. */
async function submissionServer(
  { limits, ...settings }: Partial<SmtpServerSettings> & { limits?: Partial<ListenerLimits> } = {},
  session: Partial<SmtpSession> = {},
) {
  const received: { envelope: Envelope; content: Buffer; info: SmtpConnectionInfo }[] = [];
  const defects: unknown[] = [];
  let opened = 0;
  let closed = 0;
  const server = await listenSmtp({
    host: '127.0.0.1',
    port: 0,
    security: 'starttls',
    tls: certificate,
    name: 'bridge.test',
    mechanisms: ['PLAIN', 'LOGIN'],
    maxMessageBytes: 100_000,
    maxRecipients: 5,
    limits: { maxConnections: 100, maxConnectionsPerAddress: 100, loginTimeoutMs: 3_600_000, ...limits },
    log: silentLog,
    idleTimeoutMs: 300_000,
    onDefect: (error) => defects.push(error),
    onRejected: () => {},
    onStalled: () => {},
    openSession(info): SmtpSession {
      opened++;
      return {
        offersAuth: () => true,
        isIdentified: () => true,
        async authenticate(credentials) {
          const right =
            'password' in credentials && credentials.username === 'scanner' && credentials.password === 'sesame';
          if (!right) throw new SmtpReply(535, '5.7.8', 'Username or password is wrong');
        },
        completeAddress: (local) => `${local}@contoso.example`,
        async mailFrom() {},
        async rcptTo() {},
        async data(envelope, content) {
          received.push({ envelope, content: await buffer(content), info });
          return `Queued as ${received.length}`;
        },
        refused: () => {},
        closed: () => {
          closed++;
        },
        ...session,
      };
    },
    ...settings,
  });
  onTestFinished(() => server.close(0));
  return { ...server, received, defects, counts: () => ({ opened, closed }) };
}

describe('a device sends mail', () => {
  test('greeting, EHLO, MAIL, RCPT, DATA, QUIT', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    expect(await c.say('EHLO device.local')).toBe(
      '250-bridge.test Hello [127.0.0.1] | 250-PIPELINING | 250-8BITMIME | 250-SMTPUTF8 | 250-ENHANCEDSTATUSCODES | ' +
        '250-DSN | 250-AUTH PLAIN LOGIN | 250-STARTTLS | 250 SIZE 100000',
    );
    expect(await c.say('MAIL FROM:<a@contoso.example> SIZE=500 BODY=8BITMIME')).toBe('250 2.1.0 Accepted');
    expect(await c.say('RCPT TO:<b@fabrikam.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@fabrikam.example')).toBe(
      '250 2.1.5 Accepted',
    );
    expect(await c.message('Subject: hi\r\n\r\n.a dot\r\n')).toBe('250 2.0.0 Queued as 1');
    expect(await c.say('QUIT')).toBe('221 2.0.0 Bye');
    expect(await c.reply()).toBe('closed');
    expect(server.received[0]?.envelope).toEqual({
      reversePath: 'a@contoso.example',
      recipients: [
        {
          address: 'b@fabrikam.example',
          dsn: { notify: ['FAILURE', 'DELAY'], orcpt: 'rfc822;b@fabrikam.example' },
        },
      ],
      eightBit: true,
      smtpUtf8: false,
    });
    expect(server.received[0]?.content.toString()).toBe('Subject: hi\r\n\r\n.a dot\r\n');
    await expect.poll(server.counts).toEqual({ opened: 1, closed: 1 });
  });

  test.each([
    ['RET=HDRS', { ret: 'HDRS' }],
    ['RET=FULL ENVID=a+2Bb', { ret: 'FULL', envid: 'a+b' }],
    ['ENVID=job-7', { envid: 'job-7' }],
    ['SIZE=5', undefined],
  ])('the wishes for a report of MAIL FROM with %s are those of the envelope', async (parameters, dsn) => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO device.local');
    await c.pipeline(`MAIL FROM:<a@contoso.example> ${parameters}`, 'RCPT TO:<b@fabrikam.example>');
    await c.message('x\r\n');
    expect(server.received[0]?.envelope.dsn).toEqual(dsn);
  });

  test('with HELO alone', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    expect(await c.say('HELO printer')).toBe('250 bridge.test Hello [127.0.0.1]');
    await c.pipeline('MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>');
    expect(await c.message('x\r\n')).toBe('250 2.0.0 Queued as 1');
    expect(server.received[0]?.info.transmissionType).toBe('SMTP');
  });

  test.each([
    ['MAIL FROM: a@contoso.example', 'a@contoso.example'],
    ['MAIL FROM:a@contoso.example', 'a@contoso.example'],
    ['MAIL FROM : <a@contoso.example>', 'a@contoso.example'],
    ['mail from:<a@contoso.example> size=12', 'a@contoso.example'],
    ['MAIL FROM:<scanner>', 'scanner@contoso.example'],
    ['MAIL FROM: scanner', 'scanner@contoso.example'],
    ['MAIL FROM:<"second floor"@contoso.example>', '"second floor"@contoso.example'],
    ['MAIL FROM:<"a>b"@contoso.example> BODY=8BITMIME', '"a>b"@contoso.example'],
    ['MAIL FROM:<@old.route,@older:a@contoso.example>', 'a@contoso.example'],
    ['MAIL FROM:<>', ''],
    ['MAIL FROM:<user.@contoso.example>', 'user.@contoso.example'],
    ['MAIL FROM:<jürgen@contoso.example>', 'jürgen@contoso.example'],
    ['MAIL FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
  ])('that writes %s', async (command, reversePath) => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    expect(await c.say(command)).toBe('250 2.1.0 Accepted');
    await c.say('RCPT TO:<b@fabrikam.example>');
    await c.message('x\r\n');
    expect(server.received[0]?.envelope.reversePath).toBe(reversePath);
    expect(server.received[0]?.envelope.smtpUtf8).toBe(reversePath.includes('ü'));
  });

  test.each([
    'MAIL FROM:<a@b',
    'MAIL FROM:',
    'MAIL FROM:<a@b@c d>',
    'MAIL FROM:<a b@contoso.example>',
    'MAIL FROM:<a@contoso..example>',
    'MAIL FROM:<a\x01@contoso.example>',
    'MAIL FROM:<a\u202ecba@contoso.example>',
    'MAIL FROM:<a@cont\u200boso.example>',
    'MAIL FROM:<"\u{e0061}"@contoso.example>',
    'MAIL FROM:<a@contoso.example> ENVID=\u2067',
    'MAIL FROM:<a@contoso.example> SIZE=many',
    'MAIL FROM:<a@contoso.example> SIZE=1 SIZE=2',
    'MAIL TO:<a@contoso.example>',
    `MAIL FROM:<${'a'.repeat(300)}@contoso.example>`,
    'MAIL FROM:<a@contoso.example> ENVID=a+0D+0Ab',
    'MAIL FROM:nobody here',
  ])('and is told what is wrong with %j', async (command) => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    expect(await c.say(command)).toMatch(/^501 5\.[15]\.\d /);
    expect(await c.say('MAIL FROM:<a@contoso.example>')).toBe('250 2.1.0 Accepted');
  });

  test('with everything pipelined in one packet, twice', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    for (let i = 1; i <= 2; i++) {
      c.send(
        'EHLO x\r\nRSET\r\nMAIL FROM:<a@contoso.example>\r\nRCPT TO:<b@fabrikam.example>\r\nDATA\r\nS: x\r\n\r\n..\r\n.\r\nNOOP\r\n',
      );
      const replies: string[] = [];
      for (let n = 0; n < 7; n++) replies.push((await c.reply()).slice(0, 3));
      expect(replies).toEqual(['250', '250', '250', '250', '354', '250', '250']);
    }
    expect(server.received.map((each) => each.content.toString())).toEqual(['S: x\r\n\r\n.\r\n', 'S: x\r\n\r\n.\r\n']);
  });

  test('one octet at a time', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    const script =
      'EHLO x\r\nMAIL FROM:<a@contoso.example>\r\nRCPT TO:<b@fabrikam.example>\r\nDATA\r\nS: x\r\n\r\n..dot\r\n..\r\nend\r\n.\r\nQUIT\r\n';
    for (const octet of script) {
      c.send(octet);
      await wait(0);
    }
    await expect.poll(() => server.received.length).toBe(1);
    expect(server.received[0]?.content.toString()).toBe('S: x\r\n\r\n.dot\r\n.\r\nend\r\n');
  });
});

describe('logging in', () => {
  test.each([
    ['AUTH PLAIN with an initial response', [[`AUTH PLAIN ${base64('\0scanner\0sesame')}`, '235']]],
    [
      'AUTH PLAIN in two steps',
      [
        ['AUTH PLAIN', '334'],
        [base64('\0scanner\0sesame'), '235'],
      ],
    ],
    [
      'AUTH LOGIN',
      [
        ['AUTH LOGIN', '334 VXNlcm5hbWU6'],
        [base64('scanner'), '334 UGFzc3dvcmQ6'],
        [base64('sesame'), '235'],
      ],
    ],
    [
      'AUTH LOGIN with the username beside it',
      [
        [`AUTH LOGIN ${base64('scanner')}`, '334 UGFzc3dvcmQ6'],
        [base64('sesame'), '235'],
      ],
    ],
    ['a wrong password', [[`AUTH PLAIN ${base64('\0scanner\0wrong')}`, '535 5.7.8 Username or password is wrong']]],
    [
      'a cancelled exchange',
      [
        ['AUTH LOGIN', '334'],
        ['*', '501'],
        [`AUTH PLAIN ${base64('\0scanner\0sesame')}`, '235'],
      ],
    ],
    [
      'a mechanism that is not offered',
      [
        ['AUTH CRAM-MD5', '504'],
        ['AUTH XOAUTH2 dXNlcg==', '504'],
      ],
    ],
    ['base64 that is none', [['AUTH PLAIN !!!!', '5']]],
    [
      'twice',
      [
        [`AUTH PLAIN ${base64('\0scanner\0sesame')}`, '235'],
        [`AUTH PLAIN ${base64('\0scanner\0sesame')}`, '503'],
      ],
    ],
  ])('%s', async (_name, dialogue) => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    for (const [line, reply] of dialogue) expect(await c.say(line ?? '')).toMatch(new RegExp(`^${reply}`));
  });

  test('is refused without TLS where the session says so, allowed behind STARTTLS, and nothing sent before it survives', async () => {
    let secure = () => false;
    const server = await submissionServer({}, {});
    const guarded = await submissionServer(
      {
        openSession: (info) => {
          secure = () => info.secure;
          return {
            offersAuth: () => secure(),
            isIdentified: () => true,
            async authenticate() {},
            completeAddress: () => undefined,
            async mailFrom() {},
            async rcptTo() {},
            data: async () => 'no',
            refused() {},
            closed() {},
          };
        },
      },
      {},
    );
    expect(server.port).not.toBe(guarded.port);
    const c = await SmtpDialogue.open(guarded.port);
    expect(await c.say('EHLO x')).not.toContain('AUTH');
    expect(await c.say(`AUTH PLAIN ${base64('\0scanner\0sesame')}`)).toBe(
      '538 5.7.11 Encryption required: use STARTTLS before AUTH',
    );
    await c.say('MAIL FROM:<a@contoso.example>');
    expect(await c.starttls()).toMatch(/^220 /);
    expect(await c.say('RCPT TO:<b@fabrikam.example>')).toMatch(/^503 /);
    expect(await c.say('EHLO x')).toContain('250-AUTH PLAIN LOGIN');
    expect(await c.say(`AUTH PLAIN ${base64('\0scanner\0sesame')}`)).toMatch(/^235 /);
  });

  test('a login made before STARTTLS has to be made again', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    const login = `AUTH PLAIN ${base64('\0scanner\0sesame')}`;
    expect(await c.say(login)).toMatch(/^235 /);
    expect(await c.starttls()).toMatch(/^220 /);
    await c.say('EHLO x');
    expect(await c.say(login)).toMatch(/^235 /);
    expect(await c.say(login)).toMatch(/^503 5\.5\.1 Already/);
  });

  test.each(['starttls', 'tls'] as const)('the session hears of TLS once, with security %s', async (security) => {
    const heard: string[] = [];
    const session: Partial<SmtpSession> = {
      secured: () => heard.push('secured'),
      mailFrom: async () => void heard.push('mail'),
    };
    const server = await submissionServer({ security }, session);
    const transport = createTransport({
      host: '127.0.0.1',
      port: server.port,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      tls: { ca: authority.cert },
    });
    await transport.sendMail({ from: 'a@contoso.example', to: 'b@fabrikam.example', text: 'x' });
    expect(heard).toEqual(['secured', 'mail']);
    transport.close();
  });

  test('a handshake that is not done when the time to log in is over ends without a word in clear', async () => {
    const server = await submissionServer({ limits: { loginTimeoutMs: 700 } }, { isIdentified: () => false });
    const client = connect(server.port, '127.0.0.1');
    client.write('STARTTLS\r\n');
    expect((await buffer(client)).toString()).toMatch(/^220 [^\r]*\r\n220 [^\r]*\r\n$/);
  });

  test('more than ten commands before AUTH are no offence', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    for (let i = 0; i < 30; i++) expect(await c.say('NOOP')).toMatch(/^250 /);
    await c.say('EHLO x');
    expect(await c.say(`AUTH PLAIN ${base64('\0scanner\0sesame')}`)).toMatch(/^235 /);
  });
});

describe('what is refused', () => {
  async function transaction(server: { port: number }) {
    const c = await SmtpDialogue.open(server.port);
    await c.pipeline('EHLO x', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>');
    return c;
  }

  test.each([['more octets than are accepted', `Subject: x\r\n\r\n${'x'.repeat(200_000)}\r\n`, '552 5.3.4']])(
    '%s, and the connection goes on',
    async (_name, content, reply) => {
      const server = await submissionServer();
      const c = await transaction(server);
      expect(await c.message(content)).toContain(reply);
      expect(await c.pipeline('MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>')).toEqual([
        '250 2.1.0 Accepted',
        '250 2.1.5 Accepted',
      ]);
      expect(await c.message('Subject: good\r\n')).toMatch(/^250 /);
      expect(server.received).toHaveLength(1);
      expect(server.defects).toEqual([]);
    },
  );

  test('a size announced too large, before a single octet of it', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    await c.say('EHLO x');
    expect(await c.say('MAIL FROM:<a@contoso.example> SIZE=100001')).toMatch(/^552 5\.3\.4 /);
  });

  test('more recipients than are accepted, one by one', async () => {
    const server = await submissionServer();
    const c = await transaction(server);
    const replies = await c.pipeline(...Array.from({ length: 6 }, (_, i) => `RCPT TO:<r${i}@fabrikam.example>`));
    expect(replies.map((reply) => reply.slice(0, 9))).toEqual([
      ...Array(4).fill('250 2.1.5'),
      '452 4.5.3',
      '452 4.5.3',
    ]);
    expect(await c.message('x\r\n')).toMatch(/^250 /);
    expect(server.received[0]?.envelope.recipients).toHaveLength(5);
  });

  test('garbage, ten times over', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    for (let i = 0; i < 9; i++) expect(await c.say(`\x01\x02 nonsense ${i}`)).toMatch(/^500 5\.5\.2 /);
    expect(await c.say('WIZ')).toMatch(/^421 /);
    expect(await c.reply()).toBe('closed');
  });

  test.each(['WIZ', 'SHELL', 'KILL', 'XCLIENT ADDR=1.2.3.4', 'XFORWARD ADDR=1.2.3.4'])('%s', async (command) => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    expect(await c.say(command)).toBe(await c.say('NOBODY'));
  });

  test('a line of a megabyte', async () => {
    const server = await submissionServer();
    const c = await SmtpDialogue.open(server.port);
    c.send(Buffer.alloc(1_000_000, 'x'));
    expect(await c.reply()).toMatch(/^421 .*too long/);
    expect(await c.reply()).toBe('closed');
  });

  test('a client that takes its time for the handshake of STARTTLS, and goes on after it, is not idle', async () => {
    const server = await submissionServer({ idleTimeoutMs: 150 });
    const c = await SmtpDialogue.open(server.port);
    expect(await c.starttls('', 400)).toMatch(/^220 /);
    for (let n = 0; n < 4; n++) {
      await wait(100);
      expect(await c.say('NOOP')).toMatch(/^250 /);
    }
  });

  test('a client that stalls inside DATA', async () => {
    const server = await submissionServer({ idleTimeoutMs: 200 });
    const c = await transaction(server);
    await c.say('DATA');
    c.send('Subject: never ends\r\n');
    expect(await c.reply()).toMatch(/^421 /);
    expect(await c.reply()).toBe('closed');
    expect(server.received).toEqual([]);
    expect(server.defects).toEqual([]);
  });

  test('a client that hangs up inside DATA', async () => {
    const server = await submissionServer();
    const c = await transaction(server);
    await c.say('DATA');
    c.send('Subject: never ends\r\n');
    c.destroy();
    await expect.poll(server.counts).toEqual({ opened: 1, closed: 1 });
    expect(server.received).toEqual([]);
    expect(server.defects).toEqual([]);
  });

  test('one connection too many', async () => {
    const server = await submissionServer({ limits: { maxConnections: 1 } });
    await SmtpDialogue.open(server.port);
    const second = await SmtpDialogue.open(server.port);
    expect(await second.reply()).toBe('closed');
  });
});

test('a defect of the session is answered with 451 and reported, and the connection lives', async () => {
  const server = await submissionServer(
    {},
    {
      async data() {
        throw new TypeError('secret inner workings');
      },
    },
  );
  const c = await SmtpDialogue.open(server.port);
  await c.pipeline('EHLO x', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>');
  expect(await c.message('x\r\n')).toBe('451 4.3.0 Internal error, try again later');
  expect(await c.say('NOOP')).toMatch(/^250 /);
  expect(server.defects).toEqual([expect.objectContaining({ message: 'secret inner workings' })]);
});

test('closing lets a message under way finish, and hangs up on the idle', async () => {
  let finish = () => {};
  const server = await submissionServer({}, { data: () => new Promise((resolve) => (finish = () => resolve('Done'))) });
  const busy = await SmtpDialogue.open(server.port);
  const idle = await SmtpDialogue.open(server.port);
  await busy.pipeline('EHLO x', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@fabrikam.example>', 'DATA');
  busy.send('x\r\n.\r\n');
  await expect.poll(() => finish.toString()).toContain('resolve');
  const closing = server.close(10_000);
  expect(await idle.reply()).toBe('421 4.3.2 Service is shutting down');
  finish();
  expect(await busy.reply()).toBe('250 2.0.0 Done');
  expect(await busy.say('NOOP')).toMatch(/^421 /);
  await closing;
});

test('a client that stops within its message is told when the time for an end has passed', async () => {
  const server = await submissionServer();
  const c = await SmtpDialogue.open(server.port);
  await c.pipeline('EHLO x', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@contoso.example>', 'DATA');
  c.send('Subject: cut short\r\n');
  const closing = server.close(1000);
  expect(await c.reply()).toBe('421 4.3.2 Service is shutting down');
  expect(await c.reply()).toBe('closed');
  await closing;
});

test('the library prints nothing by itself', async () => {
  const printed = ['log', 'info', 'warn', 'error', 'debug'].map((name) => vi.spyOn(console, name as 'log'));
  const streams = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  onTestFinished(() => void vi.restoreAllMocks());
  const server = await submissionServer();
  const c = await SmtpDialogue.open(server.port);
  await c.starttls();
  await c.say('EHLO x');
  await c.say('QUIT');
  expect([...printed, ...streams].flatMap((spy) => spy.mock.calls)).toEqual([]);
});

test('where STARTTLS is not offered it is refused', async () => {
  const server = await submissionServer({ security: 'none' });
  const c = await SmtpDialogue.open(server.port);
  expect(await c.say('EHLO x')).not.toContain('STARTTLS');
  expect(await c.say('STARTTLS')).toMatch(/^5/);
  expect(await c.say('NOOP')).toMatch(/^250 /);
});

test('a server that has closed before its time for that is over keeps no process alive', async () => {
  const server = await submissionServer();
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  await server.close(600_000);
  expect(timers()).toBeLessThanOrEqual(before);
});

test('who logs in again after STARTTLS has the time of a login for it, and no more', async () => {
  const loginTimeoutMs = 4000;
  let isKnown = true;
  const server = await submissionServer({ limits: { loginTimeoutMs } }, { isIdentified: () => isKnown });
  const c = await SmtpDialogue.open(server.port);
  await c.say('EHLO x');
  expect(await c.say(`AUTH PLAIN ${base64('\0scanner\0sesame')}`)).toMatch(/^235 /);
  await wait(loginTimeoutMs + 500);
  expect(await c.say('NOOP')).toMatch(/^250 /);
  isKnown = false;
  expect(await c.starttls()).toMatch(/^220 /);
  await c.say('EHLO x');
  expect(await c.reply()).toBe('421 4.7.0 The login took too long');
});

test.each(['starttls', 'tls', 'none'] as const)('nodemailer delivers with security %s', async (security) => {
  const server = await submissionServer({ security });
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    auth: { user: 'scanner', pass: 'sesame' },
    tls: { ca: authority.cert },
  });
  await transport.sendMail({ from: 'a@contoso.example', to: 'b@fabrikam.example', subject: 'Grüße', text: 'ä\n.\nö' });
  expect(server.received[0]?.info.transmissionType).toBe(security === 'none' ? 'ESMTPA' : 'ESMTPSA');
  transport.close();
});

describe('a client whose session cannot be opened', () => {
  test('is told why, and gets no further, whatever it says ahead', async () => {
    const server = await submissionServer({
      openSession: () => {
        throw new SmtpReply(554, '5.7.1', 'Not from there');
      },
    });
    const client = connect(server.port, '127.0.0.1');
    client.write(
      `EHLO x\r\nAUTH PLAIN ${base64('\0scanner\0sesame')}\r\nMAIL FROM:<a>\r\nRCPT TO:<b@c.d>\r\nDATA\r\nQUIT\r\n`,
    );
    const said = (await buffer(client)).toString();
    expect(said).toMatch(/^554 5\.7\.1 Not from there\r\n/);
    expect(said).not.toMatch(/^(?:235|250|354) /m);
    expect(server.defects).toEqual([]);
    // The server is free for the next one.
    expect((await buffer(connect(server.port, '127.0.0.1'))).toString()).toMatch(/^554 /);
  });
});

test('a command with a NUL is refused, and says what is wrong with it', async () => {
  const server = await submissionServer();
  const c = await SmtpDialogue.open(server.port);
  expect(await c.say('EHLO x\0y')).toBe('500 5.5.2 Command holds a NUL octet (RFC 5321 section 4.5.2)');
  expect(await c.say('EHLO x')).toMatch(/^250/);
});
