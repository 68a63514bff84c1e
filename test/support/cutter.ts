import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Where a connection to PostgreSQL breaks: the server gets no question, or the client gets no answer or half of it. */
export type CutPoint = 'question' | 'answer' | 'middle of the answer';

export interface CutOptions {
  /** No other connection is accepted until {@link Cutter.accept}. */
  readonly andRefuse?: boolean;
  /** Called right before the connection breaks. */
  before?(): void;
}

/** A port in front of PostgreSQL that breaks connections at given points of the protocol. */
export interface Cutter {
  readonly port: number;
  /** Number of connections it has broken. */
  readonly cuts: number;
  /** Breaks the connection on which the next question arrives. */
  cutNext(point: CutPoint, options?: CutOptions): void;
  accept(): void;
  close(): Promise<void>;
}

export async function startCutter(target: number): Promise<Cutter> {
  const sockets = new Set<Socket>();
  let next: CutPoint | undefined;
  let options: CutOptions = {};
  let refuses = false;
  let cuts = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {}).on('close', () => sockets.delete(client));
    if (refuses) return void client.destroy();
    const upstream = connect(target, '127.0.0.1');
    let point: CutPoint | undefined;
    const cut = () => {
      cuts++;
      options.before?.();
      refuses = options.andRefuse === true;
      client.destroy();
      upstream.destroy();
    };
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.on('data', (chunk) => {
      point ??= next;
      next = undefined;
      if (point === 'question') cut();
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (point === undefined) return void client.write(chunk);
      if (point === 'middle of the answer') client.write(chunk.subarray(0, chunk.length / 2), cut);
      else cut();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get cuts() {
      return cuts;
    },
    cutNext(point, given = {}) {
      next = point;
      options = given;
    },
    accept() {
      refuses = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
