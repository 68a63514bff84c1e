import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import { BridgeError } from '../../base/errors.ts';
import { httpFailure } from '../../base/http/failure.ts';
import { withSharedReading } from '../../base/shared-reading.ts';
import { ConnectionEnded, LineReader, ReadTimeout } from '../../base/sockets/line-reader.ts';
import { unlessAborted } from '../../base/unless-aborted.ts';
import { assertProtected, type ExchangeEndpoint, secureContextOf } from '../endpoint.ts';

/** What is needed to log in to a mailbox upstream. */
export interface UpstreamLogin extends ExchangeEndpoint {
  /** PEM certificates trusted in addition to the system's. */
  readonly ca?: string;
  /** User principal name of the mailbox. */
  readonly mailbox: string;
  /** @param options.refused a token that did not work; a different one is wanted */
  getToken(options?: { readonly refused?: string }): Promise<string>;
  /** From name resolution to the end of the TLS handshake. */
  readonly connectTimeoutMs: number;
  /** From the greeting to the answer to the login; default 60,000. */
  readonly loginTimeoutMs?: number;
  /** Aborts the attempt when the client has gone. */
  readonly signal?: AbortSignal;
}

/** A logged-in upstream connection, for another owner to continue with. */
export interface OpenUpstream {
  readonly socket: Socket;
  /** The upstream's first line. */
  readonly greeting: string;
  /** The server's capabilities after login (`IMAP4rev1 IDLE …`), as far as it reports them; only for IMAP. */
  readonly capabilities: string | undefined;
  /** Data received after the answer to the login. */
  readonly unread: Buffer;
}

const maxLineBytes = 32 * 1024;
const maxLines = 200;

/**
 * TLS sessions to resume, so that another login saves a round trip. One per host, renewed by the server, and per set of
 * authorities: a resumed session is not verified again.
 */
const tlsSessions = new WeakMap<SecureContext, Map<string, Buffer>>();

/** A connection to a mail server up to the end of the login, line by line. */
export class UpstreamDialogue {
  readonly peer: string;
  readonly #options: UpstreamLogin;
  #socket: Socket;
  #reader: LineReader;
  #lines = 0;
  #failure: unknown;

  private constructor(options: UpstreamLogin, socket: Socket) {
    this.#options = options;
    this.peer = peerOf(options);
    this.#socket = socket;
    this.#reader = new LineReader(socket, options.loginTimeoutMs ?? 60_000);
    socket.on('error', this.#onError);
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  /**
   * Connects, with TLS unless the server must be asked for it first.
   * @throws BridgeError `upstream-unreachable`, `upstream-name-unknown`, `upstream-timeout`,
   *   `upstream-certificate-untrusted`, `upstream-tls-failed`, `upstream-connection-lost`
   */
  static async connect(options: UpstreamLogin): Promise<UpstreamDialogue> {
    assertProtected(options);
    options.signal?.throwIfAborted();
    const { host, port } = options;
    const socket =
      options.security === 'tls'
        ? await established(
            withSharedReading((reading) => connectTls({ ...tlsOptions(options), host, port, ...reading })),
            'secureConnect',
            options,
          )
        : await established(connectPlain({ host, port, allowHalfOpen: true }), 'connect', options);
    return new UpstreamDialogue(options, socket);
  }

  /**
   * Starts TLS after the server has agreed to it. Anything that follows the agreement came in clear, possibly from an
   * attacker on the path, and is not treated as sent under TLS (RFC 3207 section 6, RFC 9051 section 11.1).
   * @throws BridgeError like {@link connect}
   */
  async startTls(): Promise<void> {
    const unread = this.#reader.detach();
    if (unread.length > 0 || this.#socket.readableLength > 0) {
      throw new BridgeError('upstream-answer-invalid', `${this.peer} sent unencrypted data after it agreed to TLS.`, {
        details: { peer: this.peer, said: unread.toString('latin1').slice(0, 100) },
      });
    }
    this.#socket.off('error', this.#onError);
    const secured = connectTls({ ...tlsOptions(this.#options), socket: this.#socket });
    this.#socket = await established(secured, 'secureConnect', this.#options);
    this.#socket.on('error', this.#onError);
    this.#reader.switchTo(this.#socket);
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** The server's next line. @throws BridgeError */
  async line(): Promise<string> {
    try {
      if (++this.#lines > maxLines) throw new Error('too many lines');
      return (await this.#reader.line(maxLineBytes)).toString();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Releases the socket. @returns the socket, and received data that was not yet read */
  release(): { readonly socket: Socket; readonly unread: Buffer } {
    const unread = this.#reader.detach();
    // Until the next owner takes over, nobody else listens for errors. Our own listener would keep all this in memory.
    this.#socket.off('error', this.#onError).on('error', ignore);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    return { socket: this.#socket, unread };
  }

  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#reader.detach();
    this.#socket.destroy();
  }

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
  };

  readonly #onAbort = (): void => {
    this.#failure ??= this.#options.signal?.reason;
    this.#socket.destroy();
  };

  #failed(error: unknown): unknown {
    if (this.#failure !== undefined) return httpFailure(this.#failure, this.peer);
    const details = { peer: this.peer };
    if (error instanceof ReadTimeout) {
      return new BridgeError('upstream-timeout', `${this.peer} did not answer in time.`, { details });
    }
    if (error instanceof ConnectionEnded) {
      return new BridgeError('upstream-connection-lost', `${this.peer} ended the connection.`, { details });
    }
    return new BridgeError('upstream-answer-invalid', `${this.peer} does not answer like a mail server.`, {
      details,
      cause: error,
    });
  }
}

/** Errors of a socket are followed by its end. */
function ignore(): void {}

/** Logs in; if the token is refused, tries once more with another. */
export async function withFreshToken(
  options: UpstreamLogin,
  login: (dialogue: UpstreamDialogue, token: string) => Promise<OpenUpstream>,
): Promise<OpenUpstream> {
  const token = options.getToken();
  return await attempt(options, token, login).catch(async (error: unknown) => {
    if (!(error instanceof BridgeError) || error.code !== 'mailbox-login-refused') throw error;
    const refused = await token;
    const other = await options.getToken({ refused });
    if (other === refused) throw error;
    return attempt(options, Promise.resolve(other), login);
  });
}

async function attempt(
  options: UpstreamLogin,
  token: Promise<string>,
  login: (dialogue: UpstreamDialogue, token: string) => Promise<OpenUpstream>,
): Promise<OpenUpstream> {
  // The token may take as long as the connection, so both are requested at once.
  const [connected, got] = await Promise.allSettled([
    UpstreamDialogue.connect(options),
    unlessAborted(token, options.signal),
  ]);
  if (got.status === 'rejected') {
    if (connected.status === 'fulfilled') connected.value.close();
    throw got.reason;
  }
  if (connected.status === 'rejected') throw connected.reason;
  try {
    return await login(connected.value, got.value);
  } catch (error) {
    connected.value.close();
    throw error;
  }
}

function peerOf({ host, port }: ExchangeEndpoint): string {
  return `${host}:${port}`;
}

function tlsOptions(options: UpstreamLogin): ConnectionOptions & { readonly allowHalfOpen: boolean } {
  const session = tlsSessionsOf(options).get(peerOf(options));
  return {
    secureContext: secureContextOf(options.ca),
    allowHalfOpen: true,
    ...(isIP(options.host) === 0 && { servername: options.host }),
    // Certificates are issued to names; an address in one is checked as an address.
    host: options.host,
    ...(session !== undefined && { session }),
  };
}

function tlsSessionsOf({ ca }: UpstreamLogin): Map<string, Buffer> {
  const context = secureContextOf(ca);
  let sessions = tlsSessions.get(context);
  if (sessions === undefined) {
    sessions = new Map();
    tlsSessions.set(context, sessions);
  }
  return sessions;
}

function established<S extends Socket>(socket: S, event: string, options: UpstreamLogin): Promise<S> {
  const peer = peerOf(options);
  socket.setNoDelay(true);
  if (event === 'secureConnect') {
    const sessions = tlsSessionsOf(options);
    (socket as unknown as TLSSocket).on('session', (session: Buffer) => sessions.set(peer, session));
  }
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      settle();
      if (event === 'secureConnect') tlsSessionsOf(options).delete(peer);
      socket.on('error', () => {});
      socket.destroy();
      reject(httpFailure(error, peer));
    };
    const onClose = (): void => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const onAbort = (): void => fail(options.signal?.reason);
    const onTime = (): void =>
      fail(new BridgeError('upstream-timeout', `${peer} did not accept a connection in time.`, { details: { peer } }));
    const timer = setTimeout(onTime, options.connectTimeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', onClose);
      options.signal?.removeEventListener('abort', onAbort);
    };
    socket.once('error', fail).once('close', onClose);
    options.signal?.addEventListener('abort', onAbort);
    socket.once(event, () => {
      settle();
      resolve(socket);
    });
  });
}
