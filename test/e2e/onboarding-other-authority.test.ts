import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openConnectionTokens } from '../../src/app/connections/tokens.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createHttpClient } from '../../src/base/http/client.ts';
import { silentLog } from '../../src/base/log.ts';
import { resolveCloud } from '../../src/config/clouds.ts';
import { loadConfig } from '../../src/config/load.ts';
import { mailbridge } from '../cli/harness.ts';
import { startOAuthServer } from '../support/oauth-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A configuration whose authority is an OAuth server that implements the RFCs and nothing specific to Microsoft. */
async function foreignWorld(connection: (server: Awaited<ReturnType<typeof startOAuthServer>>) => object) {
  const server = await startOAuthServer();
  onTestFinished(() => server.close());
  const folder = temporaryFolder();
  const configFile = join(folder, 'config.json');
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, server.ca);
  const config = {
    listeners: [{ protocol: 'imap', port: 1143 }],
    connections: {
      fabrikam: {
        tenantId: 'fabrikam.example',
        clientId: server.clientId,
        cloud: { authority: server.url, caFile },
        ...connection(server),
      },
    },
    accounts: [
      {
        username: 'carol',
        password: 'local-password',
        connection: 'fabrikam',
        mailbox: 'carol@fabrikam.example',
        read: 'imap',
      },
    ],
  };
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  return { server, configFile };
}

/** A token, got as the bridge gets one. */
async function token(configFile: string, ca: string): Promise<string> {
  const { config } = await loadConfig(configFile, { env: {} });
  const http = createHttpClient({ ca, env: {} });
  const endpoints = resolveCloud(config.connections.fabrikam!.cloud);
  const tokens = await openConnectionTokens('fabrikam', config, {
    endpoints,
    http,
    clock: systemClock,
    log: silentLog,
  });
  try {
    return (await tokens.source.getToken('exchange')).value;
  } finally {
    await tokens.close();
    await http.close();
  }
}

test('client credentials', async () => {
  const { server, configFile } = await foreignWorld(({ clientSecret }) => ({
    grant: 'client-credentials',
    clientSecret,
  }));
  expect(await token(configFile, server.ca)).toBe(server.secrets[0]);
  expect(server.posts[0]?.get('scope')).toContain('https://outlook.office365.com/.default');
});

test('a device code, which the person needs a while for, and the token that the bridge renews from it', async () => {
  const { server, configFile } = await foreignWorld(() => ({ grant: 'device-code' }));
  server.polls.push('authorization_pending', 'authorization_pending');
  const { code, out, err } = await mailbridge(['login', 'fabrikam', '--no-check', '--config', configFile]);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain(`open ${server.url}/device on any device and enter the code\n\n  WDJB-MJHT\n`);
  expect(out).toContain('✓ Signed in as carol@fabrikam.example, tenant fabrikam.\n  Granted: IMAP.AccessAsUser.All.');
  expect(server.posts).toHaveLength(3);
  expect(server.secrets).toContain(await token(configFile, server.ca));
  for (const secret of server.secrets) expect(out).not.toContain(secret);
});

test('slow_down is heeded: five seconds more', { timeout: 60_000 }, async () => {
  const { server, configFile } = await foreignWorld(() => ({ grant: 'device-code' }));
  server.polls.push('slow_down');
  const { code, out } = await mailbridge(['login', '--no-check', '--config', configFile]);
  expect(code, out).toBe(0);
  expect(server.posts).toHaveLength(2);
});

test.each([['access_denied', 'sign-in-declined']] as const)('%s ends it: %s', async (poll, error) => {
  const { server, configFile } = await foreignWorld(() => ({ grant: 'device-code' }));
  server.polls.push(poll);
  const { code, err } = await mailbridge(['login', '--config', configFile]);
  expect([code, err]).toEqual([1, expect.stringContaining(`(${error})`)]);
});

test('a wrong secret is told in the words of the RFC, where there is no number of Microsoft’s', async () => {
  const { server, configFile } = await foreignWorld(() => ({ grant: 'client-credentials', clientSecret: 'wrong' }));
  await expect(token(configFile, server.ca)).rejects.toMatchObject({
    code: 'token-refused',
    details: expect.objectContaining({ error: 'invalid_client' }),
  });
});
