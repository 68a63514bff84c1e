import { createServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { managedIdentityGrant } from '../../../src/tokens/grants/managed-identity.ts';
import { listening } from '../../base/https-server.ts';

// In a separate file: the library looks only once per process for the service that provides tokens.
test('a machine without the service for managed identities says so', async () => {
  const gone = await listening(createServer());
  await gone.close();
  for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'IMDS_ENDPOINT', 'MSI_ENDPOINT', 'MSI_SECRET']) {
    vi.stubEnv(name, undefined);
  }
  // In place of http://169.254.169.254, which differs from network to network.
  vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', `http://127.0.0.1:${gone.port}`);
  const http = createHttpClient({ env: {} });
  const grant = managedIdentityGrant({ name: 'contoso', http, clock: systemClock });
  const asking = grant.acquire(['https://graph.microsoft.com/.default'], { forceRenew: false });
  await expect(asking).rejects.toMatchObject({
    code: 'managed-identity-unavailable',
    kind: 'needs-admin',
    message: expect.stringContaining(`127.0.0.1:${gone.port}`),
    remedy: expect.stringContaining('Azure portal'),
  });
  await http.close();
  vi.unstubAllEnvs();
});
