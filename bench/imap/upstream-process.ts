/**
 * The benchmark's upstream: an IMAP server over TLS that supports only what is measured, and the simulator's Entra ID
 * for the tokens. Reports its endpoints to its parent.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { classicCurves } from './client.ts';

/** The upstream's endpoints. */
export interface UpstreamEndpoints {
  readonly port: number;
  readonly caPem: string;
  readonly authority: string;
  readonly authorityCaFile: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const capabilities = 'IMAP4rev1 AUTH=XOAUTH2 SASL-IR IDLE';
const block = Buffer.alloc(
  1024 * 1024,
  'Some seventy octets of a message that goes by and is looked at by nobody.\r\n',
);

const authority = await makeAuthority('Benchmark', 2);
const certificate = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 2);
const simulator = await startSimulator({ keepContent: false });
const server = createServer({ cert: certificate.cert, key: certificate.key, ecdhCurve: classicCurves }, serve);
server.listen(0, '127.0.0.1', () => {
  const endpoints: UpstreamEndpoints = {
    port: (server.address() as AddressInfo).port,
    caPem: authority.cert,
    authority: simulator.endpoints.authority,
    authorityCaFile: simulator.endpoints.caFile,
    tenantId: simulator.tenantId,
    clientId: simulator.clientId,
    clientSecret: simulator.clientSecret,
  };
  process.send?.(endpoints);
});
process.on('disconnect', () => process.exit());

function serve(socket: TLSSocket): void {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.write('* OK ready\r\n');
  let rest = '';
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) void answer(socket, line);
  });
}

async function answer(socket: TLSSocket, line: string): Promise<void> {
  const [tag = '', command = '', megabytes = '0'] = line.split(' ');
  if (command === 'FETCH') {
    socket.write(`* 1 FETCH (BODY[] {${Number(megabytes) * block.length}}\r\n`);
    for (let i = 0; i < Number(megabytes); i++) {
      if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    socket.write(`)\r\n${tag} OK FETCH completed.\r\n`);
  } else if (command === 'CAPABILITY') {
    socket.write(`* CAPABILITY ${capabilities}\r\n${tag} OK CAPABILITY completed.\r\n`);
  } else if (command === 'LOGOUT') {
    socket.end(`* BYE\r\n${tag} OK LOGOUT completed.\r\n`);
  } else {
    socket.write(`${tag} OK ${command} completed.\r\n`);
  }
}
