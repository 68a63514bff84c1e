import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../../src/base/certificates.ts';
import type { OpenUpstream, UpstreamLogin } from '../../../src/exchange/reading/connect.ts';
import { openPop3Upstream } from '../../../src/exchange/reading/pop3.ts';
import { scriptedServer } from '../../support/scripted-server.ts';

let ca: CertificateAndKey;
let certificate: CertificateAndKey;
let closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ca = await makeAuthority('Test', 10);
  certificate = await issueServerCertificate(ca, ['localhost', '127.0.0.1'], 10);
});

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

async function open(scripts: string[], options: Partial<UpstreamLogin> = {}): Promise<OpenUpstream> {
  const running = await scriptedServer(scripts, { ...certificate, implicit: options.security !== 'starttls' });
  closing.push(running.close);
  const upstream = await openPop3Upstream({
    host: 'localhost',
    port: running.port,
    security: 'tls',
    ca: ca.cert,
    mailbox: 'a@b.c',
    getToken: async () => 'token',
    connectTimeoutMs: 10_000,
    ...options,
  });
  upstream.socket.destroy();
  return upstream;
}

const failed = (code: string) => expect.objectContaining({ name: 'BridgeError', code });
const credentials = Buffer.from('user=a@b.c\x01auth=Bearer token\x01\x01').toString('base64');
const asked = `S: +OK ready
  C: AUTH XOAUTH2
  S: +${' '}
  C: ${credentials}`;

describe('logging in upstream by POP3', () => {
  it('takes two lines, and what follows is not lost', async () => {
    const upstream = await open([`${asked}\nS: +OK User successfully authenticated.\\r\\n+OK early`]);
    expect(upstream).toMatchObject({ greeting: '+OK ready' });
    expect(upstream.unread.toString()).toBe('+OK early\r\n');
  });

  it('turns TLS on first where the endpoint says so', async () => {
    const script = `S: +OK plain\nC: STLS\nS: +OK\nS: <tls>\n${asked.slice(asked.indexOf('C:'))}\nS: +OK`;
    expect((await open([script], { security: 'starttls' })).greeting).toBe('+OK plain');
  });

  it('answers the error challenge with an empty line and tries once more with another token', async () => {
    const others = Buffer.from('user=a@b.c\x01auth=Bearer other\x01\x01').toString('base64');
    await open(
      [
        `${asked}\nS: + e30=\nC:\nS: -ERR Authentication failure: unknown user name or bad password.`,
        `${asked.replace(credentials, others)}\nS: +OK`,
      ],
      { getToken: async ({ refused } = {}) => (refused === 'token' ? 'other' : 'token') },
    );
  });

  it.each([
    [
      'a refused login',
      `${asked}\nS: -ERR Authentication failure: unknown user name or bad password.`,
      'mailbox-login-refused',
    ],
    ['a mechanism refused', 'S: +OK\nC: AUTH XOAUTH2\nS: -ERR Protocol error.', 'mailbox-login-refused'],
    ['a maildrop in use', `${asked}\nS: -ERR [IN-USE] locked`, 'mailbox-login-unavailable'],
    ['too many connections', `${asked}\nS: -ERR too many connections`, 'mailbox-connections-exceeded'],
    ['a refusal to greet', 'S: -ERR not now', 'mailbox-login-unavailable'],
    ['something else', 'S: 220 smtp', 'upstream-answer-invalid'],
  ])('has a code for %s', async (_, script, code) => {
    await expect(open([script])).rejects.toEqual(failed(code));
  });

  it.each([
    ['STLS refused: the server is out of order', 'S: +OK\nC: STLS\nS: -ERR not here', 'starttls', 'not here'],
    ['a refusal to greet', 'S: -err not now', 'tls', 'not now'],
  ] as const)('%s', async (_, script, security, said) => {
    await expect(open([script], { security })).rejects.toMatchObject({
      code: 'mailbox-login-unavailable',
      details: { peer: expect.stringMatching(/^localhost:\d+$/), mailbox: 'a@b.c', said },
    });
  });

  it('keeps what the error challenge says', async () => {
    const challenge = Buffer.from('{"status":"400","schemes":"Bearer"}').toString('base64');
    await expect(open([`${asked}\nS: + ${challenge}\nC:\nS: -ERR no`])).rejects.toMatchObject({
      code: 'mailbox-login-refused',
      details: { said: 'no', challenge: '400 Bearer' },
    });
  });

  it('takes small letters, a prompt without a blank, and a refusal without words', async () => {
    await open([`S: +ok\nC: AUTH XOAUTH2\nS: +\nC: ${credentials}\nS: +ok`]);
    await expect(open([`${asked}\nS: -ERR`])).rejects.toMatchObject({
      code: 'mailbox-login-refused',
      details: { said: '' },
    });
  });

  it.each(['+OKAY', '+OK2 ready', '-ERROR', `x${'y'.repeat(200)}`])('does not take %j for an answer', async (line) => {
    await expect(open([`S: ${line}`])).rejects.toMatchObject({
      code: 'upstream-answer-invalid',
      message: expect.stringMatching(/^localhost:\d+ does not answer like a POP3 server\.$/),
      details: { said: line.slice(0, 100) },
    });
  });
});
