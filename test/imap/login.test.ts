import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { ImapReply } from '../../src/imap/reply.ts';
import { serveImap } from '../../src/imap/serve.ts';
import type { ImapLogin, ImapSession } from '../../src/imap/session.ts';
import type { SaslCredentials } from '../../src/sasl/server-exchange.ts';
import { longestTurn, playAgainst } from '../support/transcript.ts';

const limits = { loginTimeoutMs: 10_000, idleTimeoutMs: 10_000, maxCommandBytes: 2_000, maxFailedLogins: 3 };

/** A front end that passes the connection to an echo: everything after the login comes back as a line. */
class Front implements ImapSession {
  readonly seen: SaslCredentials[] = [];
  secureOnly = false;
  handedOver = '';

  capabilities({ secure }: { secure: boolean }): readonly string[] {
    return ['IMAP4rev1', ...this.mechanisms(secure).map((name) => `AUTH=${name}`)];
  }

  mechanisms(secure: boolean) {
    return this.secureOnly && !secure ? [] : (['PLAIN', 'LOGIN'] as const);
  }

  identify() {
    return new Map([['name', 'front']]);
  }

  async authenticate(credentials: SaslCredentials): Promise<ImapLogin> {
    this.seen.push(credentials);
    if (!('password' in credentials) || credentials.password !== 'sesame "\\ Öffne') {
      throw new ImapReply('NO', 'Username or password is wrong.', { code: 'AUTHENTICATIONFAILED' });
    }
    return {
      kind: 'hand-over',
      capabilities: 'IMAP4rev1 IDLE',
      take: ({ socket, unread }) =>
        new Promise((resolve) => {
          const say = (chunk: Buffer) => {
            this.handedOver += chunk.toString('latin1');
            if (this.handedOver.endsWith('!')) socket.end(`<${JSON.stringify(this.handedOver)}>\r\n`);
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
    serveImap(socket, { greeting: 'ready', secure: false, session: front, limits, log: silentLog });
}

async function everyWay(script: string): Promise<void> {
  await playAgainst(serve(new Front()), script);
  await playAgainst(serve(new Front()), script, { octetByOctet: true });
  for (let cutAt = 1; cutAt < longestTurn(script); cutAt++) await playAgainst(serve(new Front()), script, { cutAt });
}

const password = Buffer.from('sesame "\\ Öffne').toString('base64');
const plain = Buffer.from('\0scanner\0sesame "\\ Öffne').toString('base64');

const welcome = `S: * OK ready`;
const logins: Record<string, string> = {
  'LOGIN with an atom and a quoted string': `
    C: a1 LOGIN scanner "sesame \\"\\\\ Öffne"
    S: a1 OK [CAPABILITY IMAP4rev1 IDLE] LOGIN completed.`,
  'login in lower case, spaces doubled, ended by a bare LF': `
    C: a1  login   scanner   "sesame \\"\\\\ Öffne" \\n\\
    S: a1 OK …`,
  'LOGIN with synchronizing literals': `
    C: a1 LOGIN {7}
    S: + Ready…
    C: scanner {16}
    S: + Ready…
    C: sesame "\\ Öffne
    S: a1 OK …`,
  'LOGIN with non-synchronizing literals': `
    C: a1 LOGIN {7+}
    C: scanner {16+}
    C: sesame "\\ Öffne
    S: a1 OK …`,
  'AUTHENTICATE PLAIN with an initial response': `
    C: a1 AUTHENTICATE PLAIN ${plain}
    S: a1 OK [CAPABILITY IMAP4rev1 IDLE] AUTHENTICATE completed.`,
  'AUTHENTICATE PLAIN step by step': `
    C: a1 authenticate plain
    S: +${' '}
    C: ${plain}
    S: a1 OK …`,
  'AUTHENTICATE LOGIN step by step': `
    C: a1 AUTHENTICATE LOGIN
    S: + VXNlcm5hbWU6
    C: c2Nhbm5lcg==
    S: + UGFzc3dvcmQ6
    C: ${password}
    S: a1 OK …`,
  'AUTHENTICATE LOGIN with the username as initial response': `
    C: a1 AUTHENTICATE LOGIN c2Nhbm5lcg==
    S: + UGFzc3dvcmQ6
    C: ${password}
    S: a1 OK …`,
  'commands ahead of the login, all in one packet with it': `
    C: a1 CAPABILITY
    C: a2 NOOP
    C: a3 ID ("name" "test" "version" NIL)
    C: a4 LOGIN scanner "sesame \\"\\\\ Öffne"
    S: * CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN
    S: a1 OK …
    S: a2 OK …
    S: * ID ("name" "front")
    S: a3 OK …
    S: a4 OK …`,
};

describe('every form of login is understood, however it is cut', () => {
  for (const [name, script] of Object.entries(logins)) {
    it(name, async () => everyWay(`${welcome}\n${script}`));
  }
});

describe('what stands behind the login goes on unread', () => {
  const behind = 'b1 SELECT INBOX\\r\\nb2 FETCH 1 (FL!\\';
  const echoed = JSON.stringify('b1 SELECT INBOX\r\nb2 FETCH 1 (FL!');
  it('a whole command and part of another, in the packet of LOGIN', async () => {
    await everyWay(`${welcome}
      C: a1 LOGIN scanner "sesame \\"\\\\ Öffne"
      C: ${behind}
      S: a1 OK …
      S: <${echoed}>
      S: <end>`);
  });

  it('and in the packet of the last SASL response', async () => {
    await everyWay(`${welcome}
      C: a1 AUTHENTICATE LOGIN c2Nhbm5lcg==
      C: ${password}
      C: ${behind}
      S: + UGFzc3dvcmQ6
      S: a1 OK …
      S: <${echoed}>
      S: <end>`);
  });
});

describe('refusals', () => {
  const cases: Record<string, string> = {
    'a wrong password': `
      C: a1 LOGIN scanner wrong
      S: a1 NO [AUTHENTICATIONFAILED] Username or password is wrong.`,
    'the third wrong password ends the connection': `
      C: a1 LOGIN scanner wrong
      C: a2 LOGIN scanner wrong
      C: a3 LOGIN scanner wrong
      S: a1 NO …
      S: a2 NO …
      S: a3 NO …
      S: * BYE Too many refused logins.
      S: <end>`,
    'cancelling is answered BAD': `
      C: a1 AUTHENTICATE PLAIN
      S: +${' '}
      C: *
      S: a1 BAD The client cancelled the authentication.`,
    'a response that is no base64': `
      C: a1 AUTHENTICATE PLAIN
      S: +${' '}
      C: !!!
      S: a1 BAD The response is not base64.`,
    'a wrong password that is not UTF-8': `
      C: a1 LOGIN scanner "\\xff\\xfe"
      S: a1 NO [AUTHENTICATIONFAILED] …`,
    'a shared mailbox in a name without quotes, which is told how to quote it': `
      C: a1 LOGIN user@contoso.example\\shared sesame
      S: a1 BAD Put username and password in double quotes where they hold a blank, a backslash or another special character, and write a backslash before each backslash and double quote in them: LOGIN "user@example.com\\\\shared" "password".`,
    'a name in quotes with one backslash': `
      C: a1 LOGIN "user@contoso.example\\shared" sesame
      S: a1 BAD Put username and password in double quotes …`,
    'a password without quotes that holds a blank': `
      C: a1 LOGIN scanner two words
      S: a1 BAD Put username and password in double quotes …`,
    'a password without quotes that holds a parenthesis': `
      C: a1 LOGIN scanner se(same
      S: a1 BAD Put username and password in double quotes …`,
    'a name with a control character': `
      C: a1 LOGIN "a\\x07b" sesame
      S: a1 BAD The username holds a control character.`,
    'an unknown mechanism': `
      C: a1 AUTHENTICATE CRAM-MD5
      S: a1 NO [CANNOT] This mechanism is not supported.`,
    'a mechanism that is not offered is not tried': `
      C: a1 AUTHENTICATE XOAUTH2 dXNlcj1h
      S: a1 NO [CANNOT] This mechanism is not supported.`,
    'commands of a later state': `
      C: a1 SELECT INBOX
      S: a1 BAD Command received in Invalid state.`,
    'STARTTLS where there is none': `
      C: a1 STARTTLS
      S: a1 BAD TLS is not available on this port.`,
    'LOGIN without a password': `
      C: a1 LOGIN scanner
      S: a1 BAD A space is missing.`,
    'a quoted string without an end': `
      C: a1 LOGIN scanner "open
      S: a1 BAD …`,
    'an unknown command': `
      C: a1 FROB
      S: a1 BAD …`,
    'nonsense has no tag to answer to': `
      C: GET / HTTP/1.1
      C: ((
      C: a1 NOOP
      S: * BAD …
      S: * BAD …
      S: a1 OK …`,
    'a literal beyond the limit is not invited': `
      C: a1 LOGIN {5000}
      S: a1 BAD [TOOBIG] The literal is too large.
      C: a2 NOOP
      S: a2 OK …`,
    'a literal beyond the limit that comes uninvited ends the connection': `
      C: a1 LOGIN {5000+}
      S: a1 BAD The literal is too large.
      S: * BYE …
      S: <end>`,
    'a line beyond the limit ends the connection': `
      C: a1 LOGIN ${'x'.repeat(5000)}
      S: a1 BAD The command line is too long.
      S: * BYE …
      S: <end>`,
    'a line beyond the limit behind a literal has the tag of its command': `
      C: a1 LOGIN {3}
      C: abc ${'x'.repeat(5000)}
      S: + …
      S: a1 BAD The command line is too long.
      S: * BYE …
      S: <end>`,
    'a response beyond the limit has the tag of its command': `
      C: a1 AUTHENTICATE PLAIN
      C: ${'A'.repeat(5000)}
      S: + …
      S: a1 BAD The line is too long.
      S: * BYE …
      S: <end>`,
    'the size of a literal may have any number of digits': `
      C: a1 LOGIN {99999999999}
      S: a1 BAD [TOOBIG] The literal is too large.
      C: a2 LOGIN {${'9'.repeat(400)}}
      S: a2 BAD [TOOBIG] The literal is too large.
      C: a3 LOGIN {00000000000007}
      C: scanner x
      S: + …
      S: a3 NO …
      C: a4 LOGIN {99999999999+}
      S: a4 BAD The literal is too large.
      S: * BYE …
      S: <end>`,
    'literals beyond any number that a command has are not taken': `
      C: a1 ID (${Array.from({ length: 200 }, () => '{0+}').join('\nC:  ')})
      S: a1 BAD The literal is too large.
      S: * BYE …
      S: <end>`,
    LOGOUT: `
      C: a1 LOGOUT
      S: * BYE …
      S: a1 OK …
      S: <end>`,
  };
  for (const [name, script] of Object.entries(cases)) {
    it(name, async () => playAgainst(serve(new Front()), `${welcome}\n${script}`));
  }

  it('passwords in the clear are refused where they are not allowed, and nobody is asked', async () => {
    const front = new Front();
    front.secureOnly = true;
    await playAgainst(
      serve(front),
      `${welcome}
      C: a1 LOGIN scanner "sesame \\"\\\\ Öffne"
      S: a1 NO [PRIVACYREQUIRED] Passwords are accepted only over TLS. Use a port with TLS.
      C: a2 AUTHENTICATE PLAIN ${plain}
      S: a2 NO [PRIVACYREQUIRED] …`,
    );
    expect(front.seen).toEqual([]);
  });

  it('a line of a megabyte is not kept', async () => {
    await playAgainst(
      serve(new Front()),
      `${welcome}
      C: ${'A'.repeat(1_000_000)}\\
      S: * BAD The command line is too long.
      S: * BYE …
      S: <end>`,
    );
  });

  it('whoever says nothing is sent away', async () => {
    const patience = { ...limits, loginTimeoutMs: 20 };
    await playAgainst(
      (socket) =>
        serveImap(socket, { greeting: 'ready', secure: false, session: new Front(), limits: patience, log: silentLog }),
      `${welcome}
      S: * BYE …
      S: <end>`,
    );
  });

  it('a shutdown is told to whoever waits', async () => {
    const ending = new AbortController();
    setImmediate(() => ending.abort());
    await playAgainst(
      (socket) =>
        serveImap(socket, {
          greeting: 'ready',
          secure: false,
          session: new Front(),
          limits,
          log: silentLog,
          signal: ending.signal,
        }),
      `${welcome}
      S: * BYE The server is shutting down.
      S: <end>`,
    );
  });
});
