import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { freePorts } from '../support/ports.ts';
import { afterTest, microsoft365 } from './harness.ts';

/** Occupies a port. */
function occupy(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

const release = (server: Server) => new Promise<void>((resolve) => void server.close(() => resolve()));

test('with a port base the services take six ports in their documented order', async () => {
  const base = await freePorts(6);
  const { endpoints } = await microsoft365({ portBase: base });
  const ports = [endpoints.authority, endpoints.graph].map((url) => Number(new URL(url).port));
  ports.push(endpoints.imap.port, endpoints.pop3.port, endpoints.smtp.port, Number(new URL(endpoints.control).port));
  expect(ports).toEqual([0, 1, 2, 3, 4, 5].map((n) => base + n));
});

test('a port in use rejects with the system’s error and leaves nothing running', async () => {
  const base = await freePorts(6);
  const taken = await occupy(base + 4);
  await expect(startSimulator({ portBase: base })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await release(taken);
  // Every other port is free again.
  const again = await startSimulator({ portBase: base });
  await again.close();
});

test('the CA file appears, is what the TLS endpoints are signed with, and goes away at the end', async () => {
  const simulator = await startSimulator();
  const { caFile, imap } = simulator.endpoints;
  const ca = readFileSync(caFile, 'utf8');
  const issuer = await new Promise<string | undefined>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: imap.port, ca, servername: 'localhost' }, () => {
      const { CN } = socket.getPeerX509Certificate()?.toLegacyObject().issuer ?? {};
      resolve(Array.isArray(CN) ? CN[0] : CN);
      socket.destroy();
    }).once('error', reject);
  });
  expect(issuer).toBe('Simulated Microsoft 365');
  await simulator.close();
  expect(existsSync(caFile)).toBe(false);
});

test('ids, secret and mailboxes are as asked for; the first mailbox’s domain names the tenant', async () => {
  const options = {
    tenantId: '11111111-2222-4333-8444-555555555555',
    clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa',
    clientSecret: 'known',
    mailboxes: ['Info@fabrikam.example', 'sales@fabrikam.example'],
  };
  const simulator = await startSimulator(options);
  afterTest(() => simulator.close());
  expect(simulator).toMatchObject({ ...options, tenantDomain: 'fabrikam.example' });
  expect(simulator.certificate).toBeUndefined();
});
