import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Log, silentLog } from '../../src/base/log.ts';
import { FairTurns } from '../../src/base/sockets/fair-turns.ts';
import { serveImap } from '../../src/imap/serve.ts';
import type { HandedOver, HandOver, LineProtocolSession, StoreLogin } from '../../src/line-protocol/session.ts';
import { servePop3 } from '../../src/pop3/serve.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { turns, until } from '../support/event-turns.ts';
import { play } from '../support/transcript.ts';

const limits = { loginTimeoutMs: 3 * 60_000, idleTimeoutMs: 31 * 60_000, maxFailedLogins: 3 };

const common = { greeting: 'ready', secure: false, log: silentLog } as const;
const alice = 'alice@contoso.com';

/** What either engine accepts as a login. */
type Login = StoreLogin<ReturnType<MailboxDirectory['openStore']>> | (HandOver & { readonly capabilities: undefined });

interface Session extends LineProtocolSession<Login> {
  takesInitialResponse(): boolean;
  identify(): undefined;
}

/** The parts of a connection that a test sets. */
interface Part {
  readonly session: Session;
  readonly maxCommandsBeforeLogin?: number;
  readonly log?: Log;
  readonly signal?: AbortSignal;
  readonly startTls?: (socket: Duplex) => Promise<Duplex>;
}

interface Engine {
  readonly serve: (socket: Duplex, part: Part) => Promise<void>;
  readonly greeting: string;
  readonly login: string;
  readonly loggedIn: string;
  readonly noop: string;
  readonly unknown: string;
  readonly startTls: string;
  readonly goAhead: string;
  readonly goodbye: (why: string) => string;
  readonly called: string;
}

const engines: Readonly<Record<'IMAP' | 'POP3', Engine>> = {
  IMAP: {
    serve: (socket, { maxCommandsBeforeLogin = 100, ...part }) =>
      serveImap(socket, { ...common, ...part, limits: { ...limits, maxCommandsBeforeLogin, maxCommandBytes: 1_000 } }),
    greeting: 'S: * OK ready',
    login: 'C: a AUTHENTICATE PLAIN AGEAYg==',
    loggedIn: 'S: a OK AUTHENTICATE completed.',
    noop: 'C: b NOOP\nS: b OK …',
    unknown: 'C: b WHAT\nS: b BAD …',
    startTls: 'C: a STARTTLS',
    goAhead: 'S: a OK Begin TLS negotiation now.',
    goodbye: (why) => `S: * BYE ${why}\nS: <end>`,
    called: 'an IMAP session',
  },
  POP3: {
    serve: (socket, { maxCommandsBeforeLogin = 100, ...part }) =>
      servePop3(socket, { ...common, ...part, limits: { ...limits, maxCommandsBeforeLogin, maxLineBytes: 1_000 } }),
    greeting: 'S: +OK ready',
    login: 'C: AUTH PLAIN AGEAYg==',
    loggedIn: 'S: +OK User successfully authenticated.',
    noop: 'C: NOOP\nS: +OK…',
    unknown: 'C: WHAT\nS: -ERR …',
    startTls: 'C: STLS',
    goAhead: 'S: +OK Begin TLS negotiation now.',
    goodbye: (why) => `S: -ERR [SYS/TEMP] ${why}\nS: <end>`,
    called: 'a POP3 session',
  },
};

/** An application for which a login returns this. */
function sessionOf(login: () => Promise<Login>, closed = (): void => {}): Session {
  return {
    capabilities: () => [],
    mechanisms: () => ['PLAIN'],
    takesInitialResponse: () => true,
    identify: () => undefined,
    authenticate: login,
    closed,
  };
}

const storing = () => sessionOf(async () => ({ kind: 'store', store: new MailboxDirectory([alice]).openStore(alice) }));

const nobody = () => sessionOf(() => Promise.reject(new Error('nobody logs in here')));

/** A hand-over that lasts until the client's side has ended. */
const untilEnd = () => ({
  kind: 'hand-over' as const,
  capabilities: undefined,
  take: ({ socket }: HandedOver) => once(socket.resume(), 'close').then(() => {}),
  abandon: () => {},
});

interface Dialogue {
  readonly client: Duplex;
  readonly server: Duplex;
  readonly served: Promise<void>;
  /** What the server has sent so far, and whether it has ended. */
  said(): string;
}

/** Serves one client, which ends with the test. */
function dialogue({ serve }: Engine, part: Part): Dialogue {
  const [client, server] = duplexPair();
  client.on('error', () => {});
  const written = vi.spyOn(server, 'write');
  const served = serve(server, part);
  onTestFinished(async () => {
    client.destroy();
    server.destroy();
    await served;
  });
  const said = () => `${written.mock.calls.map(([chunk]) => chunk).join('')}${server.writableEnded ? '<end>' : ''}`;
  return { client, server, served, said };
}

/** A log that keeps what is logged as an error. */
function keptErrors(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const log = Object.assign(Object.create(silentLog) as Log, {
    error: (_: unknown, text: string) => errors.push(text),
  });
  return { log, errors };
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each(['IMAP', 'POP3'] as const)('a connection of %s', (name) => {
  const engine = engines[name];
  const { greeting, login, loggedIn, noop, unknown, startTls, goAhead, goodbye, called } = engine;

  it('ends with a word when the login takes too long, also while the session decides', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const abandon = vi.fn();
    const decision = Promise.withResolvers<Login>();
    const { client, served, said } = dialogue(engine, { session: sessionOf(() => decision.promise) });
    await play(client, `${greeting}\n${login}`);
    await turns(5);
    const before = said();
    vi.advanceTimersByTime(limits.loginTimeoutMs - 1);
    await turns(5);
    expect(said()).toBe(before);
    vi.advanceTimersByTime(1);
    await play(client, goodbye('The login took too long.'));
    decision.resolve({ ...untilEnd(), abandon });
    await served;
    expect(abandon).toHaveBeenCalledOnce();
  });

  it('ends with a word when a client that has logged in is silent for too long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, said } = dialogue(engine, { session: storing() });
    await play(client, `${greeting}\n${login}\n${loggedIn}`);
    await turns(5);
    const before = said();
    vi.advanceTimersByTime(limits.idleTimeoutMs - 1);
    await turns(5);
    expect(said()).toBe(before);
    vi.advanceTimersByTime(1);
    await play(client, goodbye('Idle timeout.'));
  });

  it('counts commands up to the login alone', async () => {
    const { client } = dialogue(engine, { session: storing(), maxCommandsBeforeLogin: 2 });
    await play(client, `${greeting}\n${login}\n${loggedIn}\n${`${noop}\n`.repeat(5)}`);
    const { client: other } = dialogue(engine, { session: storing(), maxCommandsBeforeLogin: 2 });
    await play(
      other,
      `${greeting}\n${`${unknown}\n`.repeat(2)}${login}\n${goodbye('Too many commands before the login.')}`,
    );
  });

  it('is under no deadline once it is handed over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, server, said } = dialogue(engine, { session: sessionOf(async () => untilEnd()) });
    await play(client, `${greeting}\n${login}\n${loggedIn}`);
    await turns(5);
    const before = said();
    vi.advanceTimersByTime(limits.idleTimeoutMs + limits.loginTimeoutMs);
    await turns(5);
    expect([said(), server.destroyed]).toEqual([before, false]);
  });

  it('says nothing in between a handshake, whose deadline is another', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const handshake = Promise.withResolvers<Duplex>();
    const { client, said } = dialogue(engine, { session: nobody(), startTls: () => handshake.promise });
    await play(client, `${greeting}\n${startTls}\n${goAhead}`);
    await turns(5);
    const before = said();
    vi.advanceTimersByTime(limits.loginTimeoutMs);
    await turns(5);
    expect(said()).toBe(before);
    handshake.reject(new Error('no handshake in this test'));
    await play(client, 'S: <end>');
    expect(said()).toBe(`${before}<end>`);
  });

  it('goes on over the stream that the handshake gave, and offers TLS no more', async () => {
    const [encrypted, beneath] = duplexPair();
    encrypted.on('error', () => {});
    const { client } = dialogue(engine, { session: nobody(), startTls: async () => beneath });
    await play(client, `${greeting}\n${startTls}\n${goAhead}`);
    onTestFinished(() => void beneath.destroy());
    await play(encrypted, `${startTls}\nS: ${name === 'IMAP' ? 'a BAD' : '-ERR'} TLS is active already.`);
  });

  it.each([
    ['a reason that is a text', 'The certificate has changed.', 'The certificate has changed.'],
    ['any other reason', undefined, 'The server is shutting down.'],
  ])('tells whoever waits %s when it is aborted', async (_, reason, told) => {
    const ending = new AbortController();
    const { client } = dialogue(engine, { session: nobody(), signal: ending.signal });
    await play(client, greeting);
    await turns(5);
    ending.abort(reason);
    await play(client, goodbye(told));
  });

  it('finishes the command under way before an abort ends it', async () => {
    const ending = new AbortController();
    const decision = Promise.withResolvers<Login>();
    const session = sessionOf(() => decision.promise);
    const { client, said } = dialogue(engine, { session, signal: ending.signal });
    await play(client, `${greeting}\n${login}`);
    await turns(5);
    const before = said();
    ending.abort();
    await turns(5);
    expect(said()).toBe(before);
    decision.reject(new Error('no login in this test'));
    await play(client, `S: …Internal error.\n${goodbye('The server is shutting down.')}`);
  });

  it('leaves a connection that is handed over alone when it is aborted', async () => {
    const ending = new AbortController();
    const session = sessionOf(async () => untilEnd());
    const { client, server, said } = dialogue(engine, { session, signal: ending.signal });
    await play(client, `${greeting}\n${login}\n${loggedIn}`);
    await turns(5);
    const before = said();
    ending.abort();
    await turns(5);
    expect([said(), server.destroyed]).toEqual([before, false]);
  });

  it('abandons the hand-over of a client that has gone meanwhile, and tells the session', async () => {
    const abandon = vi.fn();
    const take = vi.fn();
    const decision = Promise.withResolvers<Login>();
    const closed = vi.fn();
    const { client, server, served } = dialogue(engine, { session: sessionOf(() => decision.promise, closed) });
    await play(client, `${greeting}\n${login}`);
    await turns(5);
    server.destroy();
    decision.resolve({ ...untilEnd(), take, abandon });
    await served;
    expect([abandon, take, closed].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 1]);
  });

  it('is cut, with a line in the log, by what nobody has thought of', async () => {
    const { log, errors } = keptErrors();
    vi.spyOn(FairTurns.prototype, 'next').mockRejectedValueOnce(new Error('a defect'));
    const { server, served } = dialogue(engine, { session: nobody(), log });
    await served;
    expect([errors, server.destroyed]).toEqual([[`Unexpected error in ${called}`], true]);
  });

  it('keeps nothing of the engine while somebody else goes on', async () => {
    const ending = new AbortController();
    const { session, server, isServed } = await handedOver(engine, ending.signal);
    for (let attempt = 0; attempt < 20 && session.deref() !== undefined; attempt++) {
      await turns(5);
      collectGarbage();
    }
    expect([session.deref(), server.destroyed, isServed()]).toEqual([undefined, false, false]);
    // The listener's signal outlives the connection.
    ending.abort();
  });
});

/** In a separate stack frame, which keeps the session no longer than it lasts. */
async function handedOver(engine: Engine, signal: AbortSignal) {
  let closed = false;
  let over = false;
  const session = sessionOf(
    async () => untilEnd(),
    () => {
      closed = true;
    },
  );
  const { client, server, served } = dialogue(engine, { session, signal });
  void served.then(() => {
    over = true;
  });
  await play(client, `${engine.greeting}\n${engine.login}\n${engine.loggedIn}`);
  await until(() => closed);
  return { session: new WeakRef(session), server, isServed: () => over };
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
