import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectionEnded } from './line-reader.ts';

/** How long a client that has ended its side may wait for an answer while none of it arrives. */
const patienceMs = 30_000;

/**
 * Tracks whether the client of a session is still there. Everything done for it ends when it has left. A client that
 * has ended only its own side may be waiting for its answers, or may have left: there is no way to tell.
 */
export class Presence {
  readonly #controller = new AbortController();
  readonly #socket: Duplex;
  readonly #written: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** @param written how many bytes were sent to the client; its time is extended while they grow */
  constructor(socket: Duplex, written: () => number) {
    this.#socket = socket;
    this.#written = written;
    if (socket.destroyed) this.#leave();
    else socket.once('close', this.#leave);
  }

  /** Aborted when the connection is gone, with `ConnectionEnded`. */
  get gone(): AbortSignal {
    return this.#controller.signal;
  }

  /** Call when the client has ended its side. */
  ended(): void {
    if (this.#timer !== undefined || this.gone.aborted) return;
    let seen = this.#written();
    this.#timer = setInterval(() => {
      const written = this.#written();
      if (written === seen) this.#socket.destroy();
      seen = written;
    }, patienceMs);
  }

  /** Ends the connection if the client has ended its side, to make room for another. */
  giveWay(): boolean {
    if (this.#timer === undefined) return this.gone.aborted;
    this.#socket.destroy();
    return true;
  }

  /** The session is over, or another owner continues with it: the socket is left alone. */
  dispose(): void {
    clearInterval(this.#timer);
    this.#socket.off('close', this.#leave);
  }

  readonly #leave = (): void => {
    clearInterval(this.#timer);
    this.#controller.abort(new ConnectionEnded('The client has gone.'));
  };
}

/** Returns the number of bytes sent to the other side, if the stream counts them. */
export function bytesSent(stream: Duplex): number {
  return (stream as Partial<Socket>).bytesWritten ?? 0;
}
