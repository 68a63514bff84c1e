import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { alice, password, ReadBridge } from '../support/read-bridge.ts';
import { longestTurn, play, type TranscriptOptions } from '../support/transcript.ts';

let bridge: ReadBridge;

beforeEach(async () => {
  bridge = await ReadBridge.start();
  bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: one\r\n\r\nfirst\r\n'));
});

afterEach(() => bridge.close());

function plain(port: number): Socket {
  return connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }).on('error', () => {});
}

async function session(port: number, script: string, options?: TranscriptOptions): Promise<void> {
  const socket = plain(port);
  await play(socket, script, options);
  socket.destroy();
}

const quoted = `"${password.replace(/["\\]/g, '\\$&')}"`;
const sasl = Buffer.from(`\0scanner\0${password}`).toString('base64');
const imapGreeting = 'S: * OK [CAPABILITY …] bridge.example IMAP4rev1 ready';
const imapLogin = `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a OK [CAPABILITY …] LOGIN completed.`;

describe('IMAP passed through', () => {
  it('goes on upstream with what was sent behind the login, however it is cut', async () => {
    const { port } = await bridge.listen('imap');
    const script = `${imapGreeting}
      C: a AUTHENTICATE PLAIN ${sasl}
      C: b SELECT INBOX
      C: c FETCH 1 BODY.PEEK[TEXT]
      S: a OK [CAPABILITY …] AUTHENTICATE completed.
      S: * 1 EXISTS
      S: * … RECENT
      S: * FLAGS …
      S: * OK …
      S: * OK …
      S: * OK …
      S: * OK …
      S: b OK [READ-WRITE] SELECT completed.
      S: * 1 FETCH (BODY[TEXT] {7}
      S: first
      S: )
      S: c OK FETCH completed.`;
    await session(port, script);
    await session(port, script, { octetByOctet: true });
    for (let cutAt = 1; cutAt < longestTurn(script); cutAt += 3) await session(port, script, { cutAt });
  });

  it.each([
    [
      'starttls',
      'IMAP4rev1 LITERAL+ ID IDLE UIDPLUS UNSELECT NAMESPACE CHILDREN STARTTLS SASL-IR AUTH=PLAIN AUTH=LOGIN',
    ],
    ['none', 'IMAP4rev1 LITERAL+ ID IDLE UIDPLUS UNSELECT NAMESPACE CHILDREN SASL-IR AUTH=PLAIN AUTH=LOGIN'],
  ] as const)('greets with what it can do at this moment (%s)', async (security, capabilities) => {
    const { port } = await bridge.listen('imap', { security });
    await session(
      port,
      `S: * OK [CAPABILITY ${capabilities}] bridge.example IMAP4rev1 ready
       C: a CAPABILITY
       S: * CAPABILITY ${capabilities}
       S: a OK …`,
    );
  });

  it.each([
    ['quoted strings', (text: string) => [`"${text}"`]],
    ['quoted strings that need escaping', (text: string) => [`"${'\\\\'.repeat(text.length)}"`]],
    ['literals', (text: string) => [`{${text.length}}`, text]],
    ['literals sent at once', (text: string) => [`{${text.length}+}`, text]],
  ])('takes an ID of the size of RFC 2971 before login, in %s, and passes the next one on', async (_, form) => {
    const { port } = await bridge.listen('imap', { security: 'none' });
    const socket = plain(port);
    await play(socket, imapGreeting);
    const pairs = Array.from({ length: 30 }, (_, at) => [`${at}`.padEnd(30, 'k'), `${at}`.padEnd(1_024, 'v')]);
    const words = pairs.flat().map((text) => form(text));
    // A literal is followed by the rest of the command.
    const script = words
      .map(([first, literal]) => `${first}${literal === undefined ? '' : `\r\n${literal}`}`)
      .join(' ');
    socket.write(`a ID (${script})\r\nb LOGIN scanner ${quoted}\r\nc ID ("name" "x")\r\n`);
    const invitations = words.filter(([first]) => first?.endsWith('}') && !first.endsWith('+}')).map(() => 'S: + …');
    await play(
      socket,
      `${invitations.join('\n')}
       S: * ID ("name" "mailbridge")
       S: a OK …
       S: b OK …
       S: * ID ("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")
       S: c OK …`,
    );
    socket.destroy();
  });

  it('asks for TLS first, and nothing sent ahead of it survives', async () => {
    const { port } = await bridge.listen('imap');
    const socket = plain(port);
    await play(
      socket,
      `${imapGreeting}
       C: a STARTTLS
       C: b LOGIN scanner ${quoted}
       S: a OK Begin TLS negotiation now.`,
    );
    const secured = connectTls({ socket, host: 'localhost', servername: 'localhost', ca: bridge.ca });
    await once(secured, 'secureConnect');
    await play(
      secured,
      `C: c CAPABILITY
       S: * CAPABILITY IMAP4rev1 LITERAL+ ID IDLE UIDPLUS UNSELECT NAMESPACE CHILDREN SASL-IR AUTH=PLAIN AUTH=LOGIN
       S: c OK …
       C: d STARTTLS
       S: d BAD TLS is active already.
       C: e LOGIN scanner ${quoted}
       S: e OK …
       C: f STATUS INBOX (MESSAGES)
       S: * STATUS INBOX (MESSAGES 1)
       S: f OK …
       C: g LOGOUT
       S: * BYE …
       S: g OK …
       S: <end>`,
    );
    secured.destroy();
  });

  it('speaks TLS from the start where the listener does', async () => {
    const { port } = await bridge.listen('imap', { security: 'tls' });
    const secured = connectTls({ port, host: 'localhost', ca: bridge.ca });
    await play(secured, `${imapLogin}\nC: b NOOP\nS: b OK …`);
    secured.destroy();
  });

  it('passes on what a client sends before it ends its side', async () => {
    const { port } = await bridge.listen('imap');
    const socket = plain(port);
    socket.end(`a LOGIN scanner ${quoted}\r\nb STATUS INBOX (MESSAGES)\r\n`);
    await play(socket, `${imapGreeting}\nS: a OK …\nS: * STATUS INBOX (MESSAGES 1)\nS: b OK …\nS: <end>`);
  });

  it.each(['first', 'second'])('tells the %s client at its login what Exchange offers, unasked', async () => {
    const { port } = await bridge.listen('imap');
    const socket = plain(port);
    const offered = 'IMAP4 IMAP4rev1 UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION';
    await play(
      socket,
      `${imapGreeting}
       C: a LOGIN scanner ${quoted}
       S: a OK [CAPABILITY ${offered} BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+] LOGIN completed.
       C: b IDLE
       S: + …`,
    );
    socket.destroy();
  });

  it('tells what the upstream offers, but for what is over with the login', async () => {
    const [here, there] = pair();
    const { port } = await bridge.listen('imap', {
      openUpstream: async () => ({
        socket: here,
        greeting: '',
        capabilities: 'IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR MOVE LOGINDISABLED UNAUTHENTICATE COMPRESS=DEFLATE',
        unread: Buffer.from('* OK early\r\n'),
      }),
    });
    const socket = plain(port);
    await play(
      socket,
      `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a OK [CAPABILITY IMAP4rev1 MOVE COMPRESS=DEFLATE] LOGIN completed.\nS: * OK early`,
    );
    there.end();
    await play(socket, 'S: <end>');
    socket.destroy();
  });

  it.each([
    ['wrong', `a LOGIN scanner wrong`, 'a NO [AUTHENTICATIONFAILED] Username or password is wrong.'],
    ['unknown', `a LOGIN nobody ${quoted}`, 'a NO [AUTHENTICATIONFAILED] Username or password is wrong.'],
    ['busy', 'a LOGIN busy x', 'a NO [UNAVAILABLE] …'],
    ['blocked', 'a LOGIN blocked x', 'a NO [UNAVAILABLE] Too many failed logins from your address, try again in 3 s.'],
    [
      'other',
      `a AUTHENTICATE PLAIN ${Buffer.from(`boss\0scanner\0${password}`).toString('base64')}`,
      'a NO [AUTHORIZATIONFAILED] …',
    ],
  ])('refuses a login that is %s without asking upstream', async (_, command, reply) => {
    const { port } = await bridge.listen('imap', { openUpstream: () => Promise.reject(new Error('asked')) });
    await session(port, `${imapGreeting}\nC: ${command}\nS: ${reply}`);
  });

  it.each([
    ['upstream-unreachable', 'UNAVAILABLE'],
    ['token-temporarily-unavailable', 'UNAVAILABLE'],
    ['token-refused', 'CONTACTADMIN'],
    ['mailbox-login-refused', 'CONTACTADMIN'],
    ['mailbox-connections-exceeded', 'LIMIT'],
  ] as const)('tells %s as %s, and the next login may work', async (code, told) => {
    let failing = true;
    const [here] = pair();
    const { port } = await bridge.listen('imap', {
      openUpstream: async () => {
        if (failing) throw new BridgeError(code, 'It is so.');
        return { socket: here, greeting: '', capabilities: undefined, unread: Buffer.alloc(0) };
      },
    });
    const socket = plain(port);
    await play(socket, `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a NO [${told}] It is so.`);
    failing = false;
    await play(socket, `C: b LOGIN scanner ${quoted}\nS: b OK …`);
    socket.destroy();
  });

  it('is refused to accounts that read otherwise or not at all', async () => {
    const other = await bridge.listen('imap', { read: 'pop3' });
    await session(other.port, `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a NO [CANNOT] …`);
    const none = await bridge.listen('imap', { read: 'none' });
    await session(none.port, `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a NO [NOPERM] …`);
  });

  it('lets the failure after a login through', async () => {
    bridge.permitted = false;
    const { port } = await bridge.listen('imap');
    await session(port, `${imapLogin}\nC: b SELECT INBOX\nS: b BAD User is authenticated but not connected.`);
  });

  it('says no more than the mailbox can take: a slow reader is waited for', async () => {
    const size = 30_000_000;
    bridge.directory.deliver(alice, 'INBOX', Buffer.alloc(size, 'x'));
    const { port } = await bridge.listen('imap');
    const socket = plain(port);
    await play(socket, imapLogin);
    socket.pause();
    socket.write('b SELECT INBOX\r\nc UID FETCH 2 BODY.PEEK[]\r\n');
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    // Both servers and the bridge are in this process: none of them keeps a copy of the message.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(size / 2);
    let received = 0;
    for await (const chunk of socket) {
      received += (chunk as Buffer).length;
      if ((chunk as Buffer).includes('c OK')) break;
    }
    expect(received).toBeGreaterThan(size);
  });

  it('ends when the upstream goes away, and refuses the next login as passing', async () => {
    const { port } = await bridge.listen('imap');
    const socket = plain(port);
    await play(socket, imapLogin);
    await bridge.stopExchange();
    await play(socket, 'S: <end>');
    socket.destroy();
    await session(port, `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a NO [UNAVAILABLE] …`);
  });

  it('ends the upstream session when the client goes away', async () => {
    const [here, there] = pair();
    const { port } = await bridge.listen('imap', {
      openUpstream: async () => ({ socket: here, greeting: '', capabilities: undefined, unread: Buffer.alloc(0) }),
    });
    const socket = plain(port);
    await play(socket, `${imapGreeting}\nC: a LOGIN scanner ${quoted}\nS: a OK …`);
    const ended = once(there.resume(), 'close');
    socket.resetAndDestroy();
    await ended;
  });

  it('gives up opening the mailbox when the client goes away', async () => {
    let aborted: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const { port } = await bridge.listen('imap', {
      openUpstream: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted?.();
            reject(new Error('gone'));
          });
        }),
    });
    const socket = plain(port);
    await play(socket, imapGreeting);
    socket.write(`a LOGIN scanner ${quoted}\r\n`);
    setTimeout(() => socket.resetAndDestroy(), 20);
    await gone;
  });

  it('is cut after too long a silence', async () => {
    const { port } = await bridge.listen('imap', { limits: { idleTimeoutMs: 50 } });
    const socket = plain(port);
    await play(socket, `${imapLogin}\nS: <end>`);
    socket.destroy();
  });

  it('is open to so many clients and no more', async () => {
    const { port } = await bridge.listen('imap', { limits: { maxConnections: 2 } });
    const [one, two] = [plain(port), plain(port)];
    await play(one, imapGreeting);
    await play(two, imapGreeting);
    await session(port, 'S: * BYE Too many connections, try again later.\nS: <end>');
    one.destroy();
    await once(one, 'close');
    await play(two, 'C: a NOOP\nS: a OK …');
    two.destroy();
    const limited = await bridge.listen('imap', { limits: { maxConnectionsPerAddress: 1 } });
    const first = plain(limited.port);
    await play(first, imapGreeting);
    await session(limited.port, 'S: * BYE …\nS: <end>');
    first.destroy();
  });

  it('closes in good order: whoever waits for a command is told, whoever is silent is let go', async () => {
    const listener = await bridge.listen('imap');
    const [idle, joined] = [plain(listener.port), plain(listener.port)];
    await play(idle, imapGreeting);
    await play(joined, imapLogin);
    const closed = listener.close(20_000);
    await play(idle, 'S: * BYE The server is shutting down.\nS: <end>');
    await play(joined, 'S: <end>');
    idle.destroy();
    joined.destroy();
    await closed;
  });

  it('serves new certificates to new connections', async () => {
    const listener = await bridge.listen('imap', { security: 'tls' });
    const other = await ReadBridge.start();
    listener.updateTls(other.tls);
    const secured = connectTls({ port: listener.port, host: 'localhost', ca: other.ca });
    await once(secured, 'secureConnect');
    secured.destroy();
    await other.close();
  });
});

describe('POP3 passed through', () => {
  const greeting = 'S: +OK bridge.example POP3 ready';
  const login = `${greeting}\nC: USER scanner\nC: PASS ${password}`;

  it('goes on upstream with what was sent behind the login', async () => {
    const { port } = await bridge.listen('pop3');
    const script = `${login}
      C: STAT
      C: RETR 1
      S: +OK
      S: +OK User successfully authenticated.
      S: +OK 1 23
      S: +OK 23 octets
      S: Subject: one
      S:
      S: first
      S: .
      C: QUIT
      S: +OK …
      S: <end>`;
    await session(port, script);
    await session(port, script, { octetByOctet: true });
    for (let cutAt = 1; cutAt < longestTurn(script); cutAt += 3) await session(port, script, { cutAt });
  });

  it('forgets a USER that came before STLS', async () => {
    const { port } = await bridge.listen('pop3');
    const socket = plain(port);
    await play(socket, `${greeting}\nC: USER scanner\nS: +OK\nC: STLS\nS: +OK …`);
    const secured = connectTls({ socket, host: 'localhost', servername: 'localhost', ca: bridge.ca });
    await once(secured, 'secureConnect');
    await play(secured, `C: PASS ${password}\nS: -ERR Send USER first.`);
    secured.destroy();
  });

  it('asks for TLS first, and nothing sent ahead of it survives', async () => {
    const { port } = await bridge.listen('pop3');
    const socket = plain(port);
    await play(socket, `${greeting}\nC: STLS\nC: USER scanner\nS: +OK …`);
    const secured = connectTls({ socket, host: 'localhost', servername: 'localhost', ca: bridge.ca });
    await once(secured, 'secureConnect');
    await play(
      secured,
      `C: PASS ${password}\nS: -ERR Send USER first.\nC: AUTH PLAIN ${sasl}\nS: +OK …\nC: STAT\nS: +OK 1 23`,
    );
    secured.destroy();
  });

  it.each([
    ['USER scanner\nC: PASS wrong\nS: +OK', '-ERR [AUTH] Username or password is wrong.'],
    ['USER blocked\nC: PASS x\nS: +OK', '-ERR [LOGIN-DELAY] …'],
    ['USER busy\nC: PASS x\nS: +OK', '-ERR [SYS/TEMP] …'],
  ])('refuses a login: %s', async (command, reply) => {
    const { port } = await bridge.listen('pop3');
    await session(port, `${greeting}\nC: ${command}\nS: ${reply}`);
  });

  it('is translated for accounts that read over IMAP', async () => {
    const translated = await bridge.listen('pop3', { read: 'imap' });
    await session(translated.port, `${login}\nS: +OK\nS: +OK …\nC: STAT\nS: +OK 1 23`);
  });

  it('tells a refused mailbox as lasting and a lost upstream as passing', async () => {
    const { port } = await bridge.listen('pop3');
    bridge.permitted = false;
    await session(port, `${login}\nS: +OK\nS: -ERR [SYS/PERM] …`);
    await bridge.stopExchange();
    await session(port, `${login}\nS: +OK\nS: -ERR [SYS/TEMP] …`);
  });
});

/** Two ends of a connection, the first of which acts as a socket. */
function pair(): [Socket, Duplex] {
  const { 0: here, 1: there } = duplexes();
  here.once('close', () => there.destroy());
  return [here as Socket, there];
}

function duplexes(): [Duplex, Duplex] {
  const made: [Duplex?, Duplex?] = [];
  const end = (other: () => Duplex | undefined) =>
    new Duplex({
      allowHalfOpen: true,
      read() {},
      write(chunk, _encoding, done) {
        other()?.push(chunk);
        done();
      },
      final(done) {
        other()?.push(null);
        done();
      },
    });
  made[0] = end(() => made[1]);
  made[1] = end(() => made[0]);
  return made as [Duplex, Duplex];
}
