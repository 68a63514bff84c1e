import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { Client, type DN } from 'ldapts';
import type { LdapSettings } from './settings.ts';

/** The server did not answer in the time given. */
export class LdapTimeoutError extends Error {
  override readonly name = 'LdapTimeoutError';
}

/** Answers are a few hundred bytes; if a server sends more for one request, the connection is closed. */
const maxAnswerBytes = 1024 * 1024;

/** RFC 4511 section 4.14. */
const startTlsOid = '1.3.6.1.4.1.1466.20037';

/**
 * A connection to an LDAP server, secured as configured before anything else is sent. It never reconnects
 * automatically: the library would then bind without StartTLS and reveal a password to everyone on the path.
 */
export class LdapConnection {
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #socket: Socket;
  #receivedBytes = 0;
  #timedOut = false;
  readonly #tlsVersion: string | undefined;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#tlsVersion = socket instanceof TLSSocket ? (socket.getProtocol() ?? undefined) : undefined;
    let isTaken = false;
    this.#client = new Client({
      url: 'ldap://socket',
      createConnection: () => {
        if (isTaken) throw new Error('the connection is closed');
        isTaken = true;
        return socket;
      },
    });
    socket.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length;
      if (this.#receivedBytes > maxAnswerBytes) socket.destroy();
    });
  }

  /** @throws Error of the network or of TLS, LdapTimeoutError, ResultCodeError if StartTLS is refused */
  static async open({ url, startTls, timeoutMs, ca }: LdapSettings): Promise<LdapConnection> {
    const { protocol, hostname, port } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, '');
    const isTls = protocol === 'ldaps:';
    const socket = connectPlain({ host, port: Number(port || (isTls ? 636 : 389)) });
    try {
      await within(timeoutMs, 'connect', event(socket, 'connect'));
      socket.setNoDelay(true).on('error', () => {});
      if (isTls) return new LdapConnection(await secured(socket, host, timeoutMs, ca), timeoutMs);
      if (!startTls) return new LdapConnection(socket, timeoutMs);
      await new LdapConnection(socket, timeoutMs).#askForTls();
      return new LdapConnection(await secured(socket, host, timeoutMs, ca), timeoutMs);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && !this.#socket.readableEnded;
  }

  /** `TLSv1.3` and the like; undefined without TLS. */
  get tlsVersion(): string | undefined {
    return this.#tlsVersion;
  }

  /** It was closed because the server did not answer: the request may have been carried out. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /**
   * Binds with a name and a password (RFC 4513 section 5.1.3).
   * @param password not empty: without one, every server accepts the bind (section 5.1.2)
   * @throws ResultCodeError, LdapTimeoutError, Error of the network
   */
  async bind(name: string, password: string): Promise<void> {
    if (name === '' || password === '') throw new RangeError('a bind without a name or a password proves nothing');
    // As a string, a name such as EXTERNAL would be taken for a SASL mechanism.
    const asName = { toString: () => name } as unknown as DN;
    await this.#ask('bind', () => this.#client.bind(asName, password));
  }

  /**
   * Returns the DNs of at most two entries that match a filter. Does not follow referrals. Throws like {@link bind}.
   */
  async search(baseDn: string, filter: string): Promise<string[]> {
    const found = await this.#ask('search', () =>
      this.#client.search(baseDn, {
        scope: 'sub',
        derefAliases: 'never',
        sizeLimit: 2,
        timeLimit: Math.ceil(this.#timeoutMs / 1000),
        // No attributes (RFC 4511 section 4.5.1.8).
        attributes: ['1.1'],
        filter,
      }),
    );
    return found.searchEntries.map(({ dn }) => dn);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #askForTls(): Promise<void> {
    await this.#ask('StartTLS', () => this.#client.exop(startTlsOid));
    this.#socket.removeAllListeners('data');
    // Unread data came before TLS, possibly from an attacker (RFC 4511 section 4.14.1).
    if (this.#socket.readableLength > 0) throw new Error('the server sent something between StartTLS and TLS');
  }

  async #ask<T>(what: string, question: () => Promise<T>): Promise<T> {
    this.#receivedBytes = 0;
    try {
      return await within(this.#timeoutMs, what, question());
    } catch (error) {
      if (error instanceof LdapTimeoutError) {
        this.#timedOut = true;
        this.close();
      }
      throw error;
    }
  }
}

function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
  });
}

async function secured(plain: Socket, host: string, timeoutMs: number, ca?: string): Promise<TLSSocket> {
  const socket = connectTls({
    socket: plain,
    // The name to compare with the certificate.
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
  });
  await within(timeoutMs, 'TLS', event(socket, 'secureConnect'));
  return socket;
}

async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    const seconds = timeoutMs / 1000;
    timer = setTimeout(() => reject(new LdapTimeoutError(`no answer to ${what} in ${seconds} s`)), timeoutMs);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
