import type { Socket } from 'node:net';

/** Bytes transferred by connections as they are on the wire, including TLS. */
export type TrafficReport = (received: number, sent: number) => void;

const reportEveryMs = 15_000;

/** Reports the traffic of a listener's connections: every 15 seconds, and when one ends. */
export class Traffic {
  readonly #report: TrafficReport;
  /** Bytes already reported, by connection. */
  readonly #open = new Map<Socket, { received: number; sent: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(report: TrafficReport) {
    this.#report = report;
  }

  add(socket: Socket): void {
    this.#open.set(socket, { received: 0, sent: 0 });
    this.#timer ??= setInterval(() => this.#tell(this.#open.keys()), reportEveryMs).unref();
  }

  /** Call when the connection has ended. */
  remove(socket: Socket): void {
    this.#tell([socket]);
    this.#open.delete(socket);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(sockets: Iterable<Socket>): void {
    const all = { received: 0, sent: 0 };
    for (const socket of sockets) {
      const told = this.#open.get(socket);
      if (!told) continue;
      all.received += socket.bytesRead - told.received;
      all.sent += socket.bytesWritten - told.sent;
      told.received = socket.bytesRead;
      told.sent = socket.bytesWritten;
    }
    if (all.received + all.sent > 0) this.#report(all.received, all.sent);
  }
}
