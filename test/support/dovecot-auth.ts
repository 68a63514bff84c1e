import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Tells an MTA that every XOAUTH2 login is valid. */
export interface DovecotAuth {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers an MTA's login queries as Dovecot does (Dovecot Authentication Protocol 1.1), for MTAs that support XOAUTH2
 * only this way.
 */
export async function startDovecotAuth(): Promise<DovecotAuth> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.write(
      'VERSION\t1\t1\nMECH\tXOAUTH2\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n',
    );
    createInterface({ input: socket })
      .on('line', (line) => {
        const [verb, id] = line.split('\t');
        if (verb === 'AUTH') socket.write(`OK\t${id}\tuser=bridge\n`);
      })
      .on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await once(server.close(), 'close');
    },
  };
}
