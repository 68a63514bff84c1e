import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A port in front of another that records what clients send. */
export interface Tap {
  readonly port: number;
  /** Everything that clients have sent, connection by connection. */
  sent(): string[];
  close(): Promise<void>;
}

export async function startTap(target: number): Promise<Tap> {
  const recordings: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const recording: Buffer[] = [];
    recordings.push(recording);
    const upstream = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => sockets.delete(socket));
      socket.pipe(other);
    }
    client.on('data', (chunk) => recording.push(chunk as Buffer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    sent: () => recordings.map((recording) => Buffer.concat(recording).toString('latin1')),
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
