import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createSecureContext } from 'node:tls';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { TokenSigner } from '../../src/simulator/entra/access-token.ts';
import { listenEntra } from '../../src/simulator/entra/entra-server.ts';
import { Faults } from '../../src/simulator/faults.ts';
import { Tenant } from '../../src/simulator/tenant/tenant.ts';
import type { SinkEndpoints, SinkOrder, SinkReport } from './sink.ts';
import { SinkConnection } from './sink-connection.ts';

/**
 * The upstream of every relay, in its own process: SMTP with STARTTLS and XOAUTH2, Graph's sendMail, and Entra's
 * tokens. Counts messages and discards them. While its gate is shut it says nothing, neither to new connections nor to
 * old ones.
 */
const host = '127.0.0.1';
const waiting: (() => void)[] = [];
let open = true;
let messages = 0;
let octets = 0;
let expected = 0;

function tell(report: SinkReport): void {
  process.send?.(report);
}

function whenOpen(step: () => void): void {
  if (open) step();
  else waiting.push(step);
}

function received(size: number): void {
  messages++;
  octets += size;
  if (messages === expected)
    tell({ kind: 'reached', messages, octets, atMs: performance.timeOrigin + performance.now() });
}

process.on('message', (order: SinkOrder) => {
  if (order.kind === 'gate') {
    open = order.open;
    if (open) for (const step of waiting.splice(0)) step();
  } else if (order.kind === 'expect') {
    messages = 0;
    octets = 0;
    expected = order.messages;
  }
  tell({ kind: 'done', messages, octets });
});
process.on('disconnect', () => process.exit());

const authority = await makeAuthority('Benchmark upstream', 30);
const tls = await issueServerCertificate(authority, ['localhost', host], 30);
const secureContext = createSecureContext(tls);

const smtp = createServer({ noDelay: true }, (socket) => {
  new SinkConnection(socket, secureContext, { received, whenOpen });
});

const graph = createHttpsServer(tls, (request, response) => {
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
  });
  request.on('end', () =>
    whenOpen(() => {
      // Base64 of the message.
      received(Math.floor((size * 3) / 4));
      response.writeHead(202, { 'request-id': '00000000-0000-0000-0000-000000000000' }).end();
    }),
  );
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

const tenant = new Tenant({ domain: 'contoso.example' });
const entra = await listenEntra({
  host,
  port: 0,
  tls,
  tenant,
  signer: new TokenSigner(tenant.id),
  faults: new Faults(),
  onDefect: (error) => console.error(error),
});
const endpoints: SinkEndpoints = {
  host,
  smtpPort: await listen(smtp),
  graph: `https://${host}:${await listen(graph)}`,
  authority: `https://${host}:${entra.port}`,
  caPem: authority.cert,
  tenantId: tenant.id,
  clientId: tenant.app.clientId,
  clientSecret: tenant.app.secrets[0]?.value ?? '',
};
tell({ kind: 'ready', endpoints });
