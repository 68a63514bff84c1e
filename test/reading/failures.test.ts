import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { duplexPair, Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { errorCatalogue } from '../../src/base/error-catalogue.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { type Log, openLog } from '../../src/base/log.ts';
import { openImapUpstream } from '../../src/exchange/reading/imap.ts';
import { openPop3Upstream } from '../../src/exchange/reading/pop3.ts';
import { type Maildrops, MailStoreError } from '../../src/mailbox/mail-store.ts';
import { watchFirstAnswers } from '../../src/reading/first-answers.ts';
import type { Reader } from '../../src/reading/maildrops.ts';
import { Faults } from '../../src/simulator/faults.ts';
import { MemoryOpenFolder } from '../../src/simulator/mailboxes/memory-open-folder.ts';
import { alice, password, ReadBridge, type ReadBridgeOptions, translatedMaildrops } from '../support/read-bridge.ts';
import { play } from '../support/transcript.ts';

let bridge: ReadBridge;
let log: Log;
let lines: Record<string, unknown>[] = [];
const faults = new Faults();

beforeAll(async () => {
  bridge = await ReadBridge.start({ faults });
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  log = openLog({ level: 'debug', format: 'json', destination });
});

afterEach(() => {
  lines = [];
  faults.clear();
  bridge.permitted = true;
  bridge.tokenSeconds = undefined;
});

afterAll(() => bridge.close());

type Protocol = 'imap' | 'pop3';

const quoted = `"${password.replace(/["\\]/g, '\\$&')}"`;

/** What a client sends to log in, by protocol, with the greeting. */
const login = (protocol: Protocol, given: string, reply: string): string =>
  protocol === 'imap'
    ? `S: * OK …\nC: a LOGIN scanner ${given === password ? quoted : given}\nS: a ${reply}`
    : `S: +OK …\nC: USER scanner\nC: PASS ${given}\nS: +OK\nS: ${reply}`;

async function start(protocol: Protocol, options: ReadBridgeOptions, script: string): Promise<Socket> {
  const { port } = await bridge.listen(protocol, { log, ...options });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  await play(socket, script);
  return socket;
}

async function session(protocol: Protocol, options: ReadBridgeOptions, script: string): Promise<void> {
  const socket = await start(protocol, options, script);
  socket.destroy();
  await once(socket, 'close');
}

/** The errors in the log, which all have an entry in the catalogue and a remedy. */
function logged(): { code: string; said: unknown }[] {
  const errors = lines.flatMap(({ error }) => (error === undefined ? [] : [error as Record<string, unknown>]));
  return errors.map(({ code, remedy, said }) => {
    expect(Object.keys(errorCatalogue)).toContain(code);
    expect(remedy).toBeTruthy();
    return { code: String(code), said };
  });
}

const codes = () => logged().map(({ code }) => code);

/** Errors that occur after the first request to a mailbox. */
function failingStore(error: MailStoreError): Maildrops {
  return { open: () => Promise.reject(error), close: async () => {} };
}

const nowhere = { host: '127.0.0.1', port: 1, mailbox: alice, getToken: async () => 'good', connectTimeoutMs: 10_000 };
const opener = { imap: openImapUpstream, pop3: openPop3Upstream };

describe.each(['imap', 'pop3'] as const)(
  'each failure of a login over %s has its reply, its line in the log and its code',
  (protocol) => {
    const [no, limit, temporary, admin, wrong] =
      protocol === 'imap'
        ? ['NO', 'LIMIT', 'UNAVAILABLE', 'CONTACTADMIN', 'AUTHENTICATIONFAILED']
        : ['-ERR', 'IN-USE', 'SYS/TEMP', 'SYS/PERM', 'AUTH'];

    it('a wrong password', async () => {
      await session(protocol, {}, login(protocol, 'wrong', `${no} [${wrong}] Username or password is wrong.`));
      expect(codes()).toEqual(['login-refused']);
      expect(JSON.stringify(lines)).not.toContain(password);
    });

    it('an account with too many connections, one of which ends', async () => {
      const options = { maxConnectionsPerAccount: 1 };
      const { port } = await bridge.listen(protocol, { log, ...options });
      const open = () => connect({ port, host: '127.0.0.1' }).on('error', () => {});
      const first = open();
      await play(first, login(protocol, password, protocol === 'imap' ? 'OK …' : '+OK …'));
      const second = open();
      await play(
        second,
        login(protocol, password, `${no} [${limit}] The account scanner has too many connections to ${alice} open.`),
      );
      expect(codes()).toEqual(['account-connections-exceeded']);
      first.destroy();
      await expect.poll(() => lines.some(({ msg }) => String(msg).startsWith('mailbox closed'))).toBe(true);
      await play(
        second,
        protocol === 'imap'
          ? `C: b LOGIN scanner ${quoted}\nS: b OK …`
          : `C: USER scanner\nC: PASS ${password}\nS: +OK\nS: +OK …`,
      );
      second.destroy();
    });

    it('a login that fails upstream, which does not count as a connection of the account', async () => {
      let fails = true;
      const here = duplexPair()[0] as Socket;
      const openUpstream = async () => {
        if (fails) throw new BridgeError('mailbox-login-refused', 'Exchange says no.');
        return { socket: here, greeting: '', capabilities: undefined, unread: Buffer.alloc(0) };
      };
      const options = { maxConnectionsPerAccount: 1, log, openUpstream };
      const { port } = await bridge.listen(protocol, options);
      const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
      const again = (reply: string) =>
        protocol === 'imap'
          ? `C: b LOGIN scanner ${quoted}\nS: b ${reply}`
          : `C: USER scanner\nC: PASS ${password}\nS: +OK\nS: ${reply}`;
      await play(socket, login(protocol, password, `${no} [${admin}] Exchange says no.`));
      await play(socket, again(`${no} [${admin}] Exchange says no.`));
      fails = false;
      await play(socket, again(protocol === 'imap' ? 'OK …' : '+OK …'));
      socket.destroy();
    });

    it('a listener with too many connections', async () => {
      const refusal = protocol === 'imap' ? '* BYE Too many …' : '-ERR [SYS/TEMP] Too many …';
      await session(protocol, { limits: { maxConnections: 0 } }, `S: ${refusal}\nS: <end>`);
      expect(codes()).toEqual(['client-connections-exceeded']);
    });

    it('an upstream that cannot be reached', async () => {
      const openUpstream = () => opener[protocol]({ ...nowhere, security: 'tls' });
      await session(protocol, { openUpstream }, login(protocol, password, `${no} [${temporary}] …`));
      expect(codes()).toEqual(['upstream-unreachable']);
    });

    it('an upstream whose certificate is not trusted', async () => {
      const openUpstream = () =>
        opener[protocol]({ ...nowhere, host: 'localhost', port: bridge.port(protocol), security: 'tls' });
      await session(protocol, { openUpstream }, login(protocol, password, `${no} [${admin}] …`));
      expect(codes()).toEqual(['upstream-certificate-untrusted']);
    });

    it('a token that Exchange does not take', async () => {
      bridge.tokens.delete('good');
      await session(protocol, {}, login(protocol, password, `${no} [${admin}] …`));
      bridge.tokens.add('good');
      const said = protocol === 'imap' ? 'AUTHENTICATE failed.' : expect.stringContaining('Authentication failure');
      expect(logged()).toEqual([{ code: 'mailbox-login-refused', said }]);
    });

    it('an Exchange that takes no more connections', async () => {
      faults.add({
        target: protocol,
        kind: 'reply',
        at: 'auth',
        text: 'Request is throttled. Suggested Backoff Time: 5 ms',
      });
      await session(protocol, {}, login(protocol, password, `${no} [${limit}] …`));
      expect(codes()).toEqual(['mailbox-connections-exceeded']);
    });

    it('an Exchange that hangs up while it is asked', async () => {
      faults.add({ target: protocol, kind: 'cut-before', at: 'auth' });
      await session(protocol, {}, login(protocol, password, `${no} [${temporary}] …`));
      expect(codes()).toEqual(['upstream-connection-lost']);
    });

    it('a session that Exchange ends because its token expires is told so, and the next login works at once', async () => {
      bridge.tokenSeconds = 1;
      const farewell = `Session invalidated - AccessTokenExpired`;
      const socket = await start(
        protocol,
        {},
        `${login(protocol, password, protocol === 'imap' ? 'OK …' : '+OK …')}
       S: ${protocol === 'imap' ? `* BYE ${farewell}` : `-ERR [SYS/TEMP] ${farewell}`}
       S: <end>`,
      );
      socket.destroy();
      await expect.poll(codes).toEqual(['mailbox-session-expired']);
      bridge.tokenSeconds = undefined;
      await session(protocol, {}, login(protocol, password, protocol === 'imap' ? 'OK …' : '+OK …'));
    });

    it('a session that Exchange cuts', async () => {
      const socket = await start(protocol, {}, login(protocol, password, protocol === 'imap' ? 'OK …' : '+OK …'));
      bridge.cutExchange();
      await play(socket, 'S: <end>');
      socket.destroy();
      await expect.poll(codes).toEqual(['mailbox-session-ended']);
    });

    it('a client that signs off is no failure', async () => {
      const bye = protocol === 'imap' ? 'C: z LOGOUT\nS: * BYE …\nS: z OK …' : 'C: QUIT\nS: +OK …';
      const socket = await start(
        protocol,
        {},
        `${login(protocol, password, protocol === 'imap' ? 'OK …' : '+OK …')}\n${bye}\nS: <end>`,
      );
      socket.destroy();
      await expect.poll(() => lines.map(({ msg }) => msg)).toEqual(['mailbox opened', 'mailbox closed']);
    });
  },
);

describe('each failure of POP3 translated over IMAP has its reply, its line in the log and its code', () => {
  const opened = login('pop3', password, '+OK …');

  it('a token that Exchange does not take', async () => {
    bridge.tokens.delete('good');
    await session('pop3', { read: 'imap' }, login('pop3', password, '-ERR [SYS/PERM] …'));
    bridge.tokens.add('good');
    expect(logged()).toEqual([{ code: 'mailbox-login-refused', said: 'AUTHENTICATE failed.' }]);
  });

  it('a mailbox that a good token does not open', async () => {
    bridge.permitted = false;
    await session('pop3', { read: 'imap' }, login('pop3', password, '-ERR [SYS/PERM] …'));
    expect(codes()).toEqual(['mailbox-not-connected']);
  });

  it('an Exchange that takes no more connections', async () => {
    faults.add({ target: 'imap', kind: 'reply', at: 'auth', text: 'NO Too many simultaneous connections.' });
    await session('pop3', { read: 'imap' }, login('pop3', password, '-ERR [IN-USE] …'));
    expect(codes()).toEqual(['mailbox-connections-exceeded']);
  });

  it('an Exchange that hangs up while it is asked', async () => {
    faults.add({ target: 'imap', kind: 'cut-before', at: 'auth' });
    await session('pop3', { read: 'imap' }, login('pop3', password, '-ERR [SYS/TEMP] …'));
    expect(codes()).toEqual(['upstream-connection-lost']);
  });

  it.each([
    [{ host: '127.0.0.1', port: 1 }, true, 'SYS/TEMP', 'upstream-unreachable'],
    [{}, false, 'SYS/PERM', 'upstream-certificate-untrusted'],
  ] as const)('an Exchange at %j, trusted: %s', async (where, trusted, told, code) => {
    const upstream = {
      endpoints: { imap: { ...bridge.imap, ...where } },
      ca: trusted ? bridge.ca : undefined,
      getToken: async () => 'good',
    };
    const openMaildrops = (mailbox: string, reader: Reader) => translatedMaildrops().open(upstream, mailbox, reader);
    await session('pop3', { read: 'imap', openMaildrops }, login('pop3', password, `-ERR [${told}] …`));
    expect(codes()).toEqual([code]);
  });

  it('a mailbox that another session has open', async () => {
    const socket = await start('pop3', { read: 'imap' }, opened);
    await session('pop3', { read: 'imap' }, login('pop3', password, '-ERR [IN-USE] The mailbox is open in another …'));
    expect(codes()).toEqual(['maildrop-in-use']);
    socket.destroy();
    await expect.poll(() => lines.some(({ msg }) => msg === 'mailbox closed')).toBe(true);
  });

  it('an inbox that cannot be opened', async () => {
    const error = new MailStoreError('unavailable', 'It is so.');
    const openMaildrops = async () => failingStore(error);
    await session('pop3', { read: 'imap', openMaildrops }, login('pop3', password, '-ERR [SYS/TEMP] …'));
    expect(lines.map(({ msg }) => msg)).toContain('login failed: unexpected error');
  });

  it('deletions that fail: none of them happened', async () => {
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: stays\r\n\r\n'));
    const remove = vi
      .spyOn(MemoryOpenFolder.prototype, 'remove')
      .mockRejectedValue(new MailStoreError('unavailable', 'Not now.'));
    await session(
      'pop3',
      { read: 'imap' },
      `${opened}\nC: DELE 1\nC: QUIT\nS: +OK\nS: -ERR [SYS/TEMP] 1 of 1 deleted messages could not be removed.\nS: <end>`,
    );
    expect(bridge.directory.messages(alice, 'INBOX')).toHaveLength(1);
    remove.mockRestore();
  });

  it('deletions that fail: some of them happened', async () => {
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: two\r\n\r\n'));
    const remove = vi.spyOn(MemoryOpenFolder.prototype, 'remove').mockResolvedValue([]);
    const socket = await start('pop3', { read: 'imap' }, `${opened}\nC: DELE 1\nC: DELE 2\nS: +OK\nS: +OK`);
    const inbox = await bridge.directory.openStore(alice).open('INBOX', { readOnly: false });
    remove.mockRestore();
    const [first] = bridge.directory.messages(alice, 'INBOX');
    await inbox.remove([first?.uid ?? 0]);
    vi.spyOn(MemoryOpenFolder.prototype, 'remove').mockResolvedValue([]);
    await play(socket, 'C: QUIT\nS: -ERR [SYS/TEMP] 1 of 2 deleted messages could not be removed.\nS: <end>');
    socket.destroy();
    vi.restoreAllMocks();
    await inbox.remove(bridge.directory.messages(alice, 'INBOX').map(({ uid }) => uid));
  });

  it('deletions when Exchange has gone', async () => {
    bridge.directory.deliver(alice, 'INBOX', Buffer.from('Subject: stays\r\n\r\n'));
    const socket = await start('pop3', { read: 'imap' }, `${opened}\nC: DELE 1\nS: +OK`);
    bridge.cutExchange();
    await play(socket, 'C: QUIT\nS: -ERR [SYS/TEMP] The deleted messages could not all be removed.\nS: <end>');
    socket.destroy();
    await expect.poll(codes).toEqual(['upstream-connection-lost']);
    expect(bridge.directory.messages(alice, 'INBOX')).toHaveLength(1);
  });
});

describe('a mailbox that a good token does not open', () => {
  it('reaches the IMAP client as it is, and the log once', async () => {
    bridge.permitted = false;
    await session(
      'imap',
      {},
      `${login('imap', password, 'OK …')}
       C: b CAPABILITY
       C: c SELECT INBOX
       C: d LIST "" *
       S: * CAPABILITY …
       S: b OK …
       S: c BAD User is authenticated but not connected.
       S: d BAD User is authenticated but not connected.`,
    );
    expect(logged()).toEqual([{ code: 'mailbox-not-connected', said: 'User is authenticated but not connected.' }]);
    expect(lines.find(({ error }) => error !== undefined)?.msg).toContain('New-ServicePrincipal');
  });

  it('is not looked for in anything but the first answers', () => {
    const found: BridgeError[] = [];
    const failure = 'x BAD User is authenticated but not connected.\r\n';
    const late = watchFirstAnswers(alice, (error) => found.push(error));
    for (let answer = 1; answer < 8; answer++) expect(late(Buffer.from(`a${answer} OK done\r\n`))).toBe(true);
    expect(late(Buffer.from('a8 OK done\r\n'))).toBe(false);
    const far = watchFirstAnswers(alice, (error) => found.push(error));
    expect(far(Buffer.from(`* 1 FETCH (BODY[] {9000}\r\n${'x'.repeat(9000)}\r\n${failure}`))).toBe(false);
    const untagged = watchFirstAnswers(alice, (error) => found.push(error));
    expect(untagged(Buffer.from(`* BAD User is authenticated but not connected.\r\n`))).toBe(true);
    expect(found).toEqual([]);
  });

  it('is found however the answer is cut', () => {
    const said = '* CAPABILITY IMAP4rev1\r\na OK done\r\nb BAD User is authenticated but not connected.\r\n';
    for (let cut = 1; cut < said.length; cut++) {
      const found: BridgeError[] = [];
      const watch = watchFirstAnswers(alice, (error) => found.push(error));
      const more = watch(Buffer.from(said.slice(0, cut)));
      expect(more && watch(Buffer.from(said.slice(cut)))).toBe(false);
      expect(found.map(({ code }) => code)).toEqual(['mailbox-not-connected']);
    }
  });
});
