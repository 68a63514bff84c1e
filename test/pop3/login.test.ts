import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { Pop3Reply } from '../../src/pop3/reply.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import type { Pop3Login, Pop3Session } from '../../src/pop3/session.ts';
import type { SaslCredentials } from '../../src/sasl/server-exchange.ts';
import { longestTurn, playAgainst } from '../support/transcript.ts';

const limits = { loginTimeoutMs: 10_000, idleTimeoutMs: 10_000, maxLineBytes: 2_000, maxFailedLogins: 3 };

/** A front end that passes the connection to an echo: everything after the login comes back as a line. */
class Front implements Pop3Session {
  readonly seen: SaslCredentials[] = [];
  secureOnly = false;

  capabilities(): readonly string[] {
    return ['UIDL', 'USER'];
  }

  mechanisms(secure: boolean) {
    return this.secureOnly && !secure ? [] : (['PLAIN', 'LOGIN'] as const);
  }

  takesInitialResponse(): boolean {
    return true;
  }

  async authenticate(credentials: SaslCredentials): Promise<Pop3Login> {
    this.seen.push(credentials);
    if (!('password' in credentials) || credentials.password !== ' two words Ö') {
      throw new Pop3Reply('Username or password is wrong.', { code: 'AUTH' });
    }
    return {
      kind: 'hand-over',
      take: ({ socket, unread }) =>
        new Promise((resolve) => {
          let text = '';
          const say = (chunk: Buffer) => {
            text += chunk.toString('latin1');
            if (text.endsWith('!')) socket.end(`<${JSON.stringify(text)}>\r\n`);
          };
          say(unread);
          socket.on('data', say).on('close', () => resolve());
        }),
      abandon: () => {},
    };
  }

  closed(): void {}
}

function serve(front: Front) {
  return (socket: Duplex) =>
    servePop3(socket, { greeting: 'ready', secure: false, session: front, limits, log: silentLog });
}

async function everyWay(script: string): Promise<void> {
  await playAgainst(serve(new Front()), script);
  await playAgainst(serve(new Front()), script, { octetByOctet: true });
  for (let cutAt = 1; cutAt < longestTurn(script); cutAt++) await playAgainst(serve(new Front()), script, { cutAt });
}

const plain = Buffer.from('\0scanner\0 two words Ö').toString('base64');
const password = Buffer.from(' two words Ö').toString('base64');

const logins: Record<string, string> = {
  'USER and PASS, the password with spaces': `
    C: USER scanner
    S: +OK
    C: PASS  two words Ö
    S: +OK …`,
  'USER and PASS in one packet, ended by bare LFs': `
    C: user  scanner\\nPASS  two words Ö\\n\\
    S: +OK
    S: +OK …`,
  'AUTH PLAIN with an initial response': `
    C: AUTH PLAIN ${plain}
    S: +OK …`,
  'AUTH PLAIN step by step': `
    C: auth plain
    S: +${' '}
    C: ${plain}
    S: +OK …`,
  'AUTH LOGIN step by step': `
    C: AUTH LOGIN
    S: + VXNlcm5hbWU6
    C: c2Nhbm5lcg==
    S: + UGFzc3dvcmQ6
    C: ${password}
    S: +OK …`,
  'CAPA ahead of it': `
    C: CAPA
    S: +OK
    S: UIDL
    S: USER
    S: .
    C: AUTH
    S: +OK
    S: PLAIN
    S: LOGIN
    S: .
    C: AUTH PLAIN ${plain}
    S: +OK …`,
};

describe('every form of login is understood, however it is cut', () => {
  for (const [name, script] of Object.entries(logins)) it(name, async () => everyWay(`S: +OK ready\n${script}`));

  it('and what stands behind it goes on unread, a partial line included', async () => {
    await everyWay(`S: +OK ready
      C: USER scanner
      C: PASS  two words Ö
      C: STAT
      C: RETR !\\
      S: +OK
      S: +OK …
      S: <${JSON.stringify('STAT\r\nRETR !')}>
      S: <end>`);
  });
});

describe('refusals', () => {
  const cases: Record<string, string> = {
    'a wrong password': `
      C: USER scanner
      C: PASS wrong
      S: +OK
      S: -ERR [AUTH] Username or password is wrong.
      C: PASS again
      S: -ERR Send USER first.`,
    'the third wrong password ends the connection': `
      C: AUTH PLAIN AGEAYg==
      C: AUTH PLAIN AGEAYg==
      C: AUTH PLAIN AGEAYg==
      S: -ERR [AUTH] …
      S: -ERR [AUTH] …
      S: -ERR [AUTH] …
      S: <end>`,
    APOP: `
      C: APOP scanner c4c9334bac560ecc979e58001b3e22fb
      S: -ERR APOP is not supported. …`,
    cancelling: `
      C: AUTH PLAIN
      S: +${' '}
      C: *
      S: -ERR The client cancelled the authentication.`,
    'mechanisms not offered': `
      C: AUTH CRAM-MD5
      S: -ERR This mechanism is not supported.
      C: AUTH XOAUTH2
      S: -ERR This mechanism is not supported.`,
    'commands of a later state': `
      C: STAT
      S: -ERR Command is not valid in this state.`,
    'STLS where there is none': `
      C: STLS
      S: -ERR TLS is not available on this port.`,
    'a name with a control character': `
      C: USER a\\x07b
      S: -ERR The username holds a control character.`,
    'a line beyond the limit ends the connection': `
      C: USER ${'x'.repeat(5000)}
      S: -ERR …
      S: <end>`,
    QUIT: `
      C: QUIT
      S: +OK …
      S: <end>`,
  };
  for (const [name, script] of Object.entries(cases)) {
    it(name, async () => playAgainst(serve(new Front()), `S: +OK ready\n${script}`));
  }

  it('passwords in the clear are refused where they are not allowed, and nobody is asked', async () => {
    const front = new Front();
    front.secureOnly = true;
    await playAgainst(
      serve(front),
      `S: +OK ready
      C: USER scanner
      S: -ERR Passwords are accepted only over TLS. Use a port with TLS.
      C: PASS secret
      S: -ERR Send USER first.
      C: AUTH PLAIN ${plain}
      S: -ERR Passwords are accepted only over TLS. …`,
    );
    expect(front.seen).toEqual([]);
  });
});
