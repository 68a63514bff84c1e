import type { Socket } from 'node:net';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { maxCommandsBeforeLogin, maxLinesAtOnce } from '../base/sockets/command-bound.ts';
import { FairTurns } from '../base/sockets/fair-turns.ts';
import { endGently } from '../base/sockets/linger.ts';
import { writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import type { SmtpClient } from './client.ts';

/** What a server is told about clients that have no session. */
export interface SubmissionServerEvents extends SMTPServer {
  readonly lineEnds: 'lenient' | 'strict';
  readonly wrongEndWaitMs: number | undefined;
  rejected(remoteAddress: string, why: string): void;
  stalled(remoteAddress: string): void;
}

/**
 * The library's connection over the socket of a client that a listener has accepted. It limits how long a client can
 * keep it. TLS is done by the listener.
 */
export abstract class GuardedConnection extends SMTPConnection {
  readonly #client: SmtpClient;
  #loginDeadline: NodeJS.Timeout | undefined;
  readonly #turns = new FairTurns();
  #commandsBeforeLogin = 0;

  constructor(server: SMTPServer, client: SmtpClient) {
    super(server, client.socket, { id: client.id, remoteAddress: client.remoteAddress });
    this.#client = client;
  }

  /** Whether the client may stay: it has logged in, or its network identifies it. */
  protected abstract isIdentified(): boolean;

  /** Waits neither for early talkers nor for a name server: both only slow honest devices down. */
  override init(): void {
    this._setListeners(() => this.connectionReady());
    endWithClient(this._socket);
    this.#startLoginDeadline(this.#client.loginMsLeft());
  }

  override _onClose(): void {
    clearTimeout(this.#loginDeadline);
    super._onClose();
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    if (
      this._ready &&
      !this._upgrading &&
      !this.isIdentified() &&
      ++this.#commandsBeforeLogin > maxCommandsBeforeLogin
    ) {
      this.endFlood();
    } else super._onCommand(command, callback);
  }

  /** Lines that the client may send without waiting for replies. */
  protected maxLinesAtOnce(): number {
    return this.isIdentified() ? Number.POSITIVE_INFINITY : maxLinesAtOnce();
  }

  /** The client sends more commands before its login than are answered. */
  protected endFlood(): void {
    this.send(421, '4.7.0 Too many commands before the login');
  }

  /** The library would continue to read from a client that keeps sending, as fast as it sends. */
  override close(): void {
    const isOpen = !this._closing;
    super.close();
    if (isOpen && !this._upgrading && !this._socket.destroyed) endGently(this._socket);
  }

  /**
   * Takes the next command once the system has every reply, so that a client that does not read gets no more replies;
   * after a while it is cut off. On its own, the library would let 64 KiB of replies pile up, each with the overhead of
   * an object.
   */
  override _whenWritable(next: () => void): void {
    const socket = this._socket;
    // After the last reply there is neither another command nor another write.
    if (!socket.writable) return;
    if (socket.writableLength === 0) {
      this.#next(next);
      return;
    }
    const { beforeLogin, afterLogin } = writeTimeoutMs;
    const timer = setTimeout(
      () => {
        (this._server as SubmissionServerEvents).stalled(this.remoteAddress);
        socket.destroy();
      },
      this.session.user ? afterLogin : beforeLogin,
    );
    // This write is queued after everything that waits.
    socket.write('', () => {
      clearTimeout(timer);
      if (!socket.destroyed) this.#next(next);
    });
  }

  #next(next: () => void): void {
    void this.#turns.next().then(next);
  }

  /** STARTTLS with the handshake of the listener, which has its own deadline and leaves nothing open. */
  override upgrade(callback: () => void, secureCallback?: () => void): void {
    const { startTls } = this.#client;
    if (startTls === undefined) throw new Error('STARTTLS is not offered.');
    const plain = this._socket;
    if (this._parser) {
      plain.unpipe(this._parser);
      // Drops what came before the handshake (RFC 3207 section 4.2); the next parser only sees octets of TLS.
      this._parser.isClosed = true;
    }
    this._parser = this._createParser();
    this._upgrading = true;
    plain.setTimeout(0);
    setImmediate(callback);
    startTls(plain).then(
      (secured) => this.#secured(secured, secureCallback),
      // The socket is closed by now, which ends everything.
      () => {},
    );
  }

  #secured(socket: Socket, secureCallback: (() => void) | undefined): void {
    // Closed meanwhile.
    if (!this._parser) {
      socket.destroy();
      return;
    }
    this._socket = socket;
    this._upgrading = false;
    this.secure = true;
    this.session.secure = true;
    socket.once('close', (hadError: boolean) => this._onCloseEvent(hadError));
    socket.on('error', (error: Error) => this._onError(error));
    endWithClient(socket);
    this._armTimeout(socket);
    this.#forget();
    this._server.onSecure(socket as never, this.session, () => {
      if (!this._parser) return;
      socket.pipe(this._parser);
      secureCallback?.();
    });
    // A client that was logged in has to log in again, and gets the time for it.
    if (this.#loginDeadline === undefined) this.#startLoginDeadline(this.#client.loginTimeoutMs);
  }

  /** RFC 3207 section 4.2: what the client said before the handshake no longer counts. */
  #forget(): void {
    this.session.user = false as never;
    this.hostNameAppearsAs = false;
    this.openingCommand = false;
    this._resetSession();
  }

  #startLoginDeadline(ms: number): void {
    this.#loginDeadline = setTimeout(() => {
      this.#loginDeadline = undefined;
      // A handshake has the same deadline and ends on its own.
      if (this._upgrading || this.isIdentified()) return;
      this.send(421, '4.7.0 The login took too long');
    }, ms);
  }
}

/**
 * Nobody waits for a reply any more, but what has been written still arrives. The listener leaves half-closed sockets
 * open.
 */
function endWithClient(socket: Socket): void {
  socket.once('end', () => socket.end());
}
