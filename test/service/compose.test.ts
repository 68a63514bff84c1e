import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

const folder = join(import.meta.dirname, '..', '..', 'service', 'compose');
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

/** The address of a service in the compose file. */
function addressOf(service: string): string | undefined {
  const block = new RegExp(`^  ${service}:\\n(?:    .*\\n|\\n)+`, 'm').exec(read('compose.yaml'))?.[0] ?? '';
  return /ipv4_address: ([\d.]+)/.exec(block)?.[1];
}

const environment = {
  CONTOSO_CLIENT_SECRET: 'a secret',
  SCANNER_PASSWORD: 'a password',
  POSTGRES_URL: 'postgres://mailbridge:secret@172.30.0.10/mailbridge?sslmode=disable',
};

test('the configuration is valid, and trusts the balancer alone', async () => {
  const { config, references } = await loadConfig(join(folder, 'config.json'), { env: environment });
  expect(config.queue.store).toBe('postgres');
  for (const { proxyProtocol } of config.listeners) {
    expect(proxyProtocol?.from.map(String)).toEqual([expect.stringContaining(addressOf('balancer') ?? 'none')]);
  }
  const example = read('mailbridge.env.example');
  expect(read('postgres.env.example')).toMatch(/^POSTGRES_PASSWORD=$/m);
  expect(read('compose.yaml')).not.toMatch(/^ {2}postgres:\n(?: {4}.*\n)*? {4}env_file: \[mailbridge\.env\]/m);
  expect([...references.variables].filter((name) => !example.includes(`${name}=`))).toEqual([]);
});

test('the balancer knows every bridge by its address, at the ports of the listeners', async () => {
  const { config } = await loadConfig(join(folder, 'config.json'), { env: environment });
  const servers = [...read('haproxy.cfg').matchAll(/^ {2}server (\S+) (\S+):(\d+)$/gm)].map(([, ...parts]) => parts);
  const expected = config.listeners.flatMap(({ port }) =>
    ['bridge-a', 'bridge-b'].map((name) => [name, addressOf(name), `${port}`]),
  );
  expect(servers).toEqual(expected);
  expect(read('haproxy.cfg')).toContain(`port ${config.admin?.port} `);
});

test('the address of the database is that of the server', () => {
  expect(read('mailbridge.env.example')).toContain(`@${addressOf('postgres')}/`);
});
