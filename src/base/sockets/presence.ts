import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectionEnded } from './line-reader.ts';

/** How long a client that has ended its side may wait for an answer of which nothing comes. */
const patienceMs = 30_000;

/**
 * Whether the client of a session is still there. Everything that is done for it ends when it has left. A client that
 * has ended only its own side may be waiting for its answers, or may have left: nothing tells which.
 */
export class Presence {
  readonly #controller = new AbortController();
  readonly #socket: Duplex;
  readonly #written: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** @param written how many bytes the client has been sent; it has patience as long as they grow */
  constructor(socket: Duplex, written: () => number) {
    this.#socket = socket;
    this.#written = written;
    if (socket.destroyed) this.#leave();
    else socket.once('close', this.#leave);
  }

  /** Aborts when the connection is gone, with `ConnectionEnded`. */
  get gone(): AbortSignal {
    return this.#controller.signal;
  }

  /** The client has ended its side. */
  ended(): void {
    if (this.#timer !== undefined || this.gone.aborted) return;
    let seen = this.#written();
    this.#timer = setInterval(() => {
      const written = this.#written();
      if (written === seen) this.#socket.destroy();
      seen = written;
    }, patienceMs);
  }

  /** Ends the connection if the client has ended its side, to make room for somebody who is there. */
  giveWay(): boolean {
    if (this.#timer === undefined) return this.gone.aborted;
    this.#socket.destroy();
    return true;
  }

  /** The session is over, or somebody else goes on with it: the socket is left alone. */
  dispose(): void {
    clearInterval(this.#timer);
    this.#socket.off('close', this.#leave);
  }

  readonly #leave = (): void => {
    clearInterval(this.#timer);
    this.#controller.abort(new ConnectionEnded('The client has gone.'));
  };
}

/** Bytes that the other side has been sent, where the stream counts them. */
export function bytesSent(stream: Duplex): number {
  return (stream as Partial<Socket>).bytesWritten ?? 0;
}
