import { type INetworkModule, PublicClientApplication } from '@azure/msal-node';
import type { Microsoft365 } from './harness.ts';

/** An MSAL network module on top of the test's fetch. */
export function msalNetwork(m365: Microsoft365): INetworkModule {
  const request = async (url: string, init: Parameters<Microsoft365['get']>[1]) => {
    const response = await m365.get(url, init);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.json() };
  };
  return {
    sendGetRequestAsync: (url, options) => request(url, { headers: options?.headers ?? {} }),
    sendPostRequestAsync: (url, options) =>
      request(url, { method: 'POST', headers: options?.headers ?? {}, body: options?.body ?? '' }),
  } as INetworkModule;
}

/** MSAL as a public client of the simulator. */
export function publicClient(m365: Microsoft365, tenant = m365.tenantId, clientId = m365.clientId) {
  return new PublicClientApplication({
    auth: {
      clientId,
      authority: `${m365.endpoints.authority}/${tenant}`,
      knownAuthorities: [new URL(m365.endpoints.authority).host],
    },
    system: { networkClient: msalNetwork(m365) },
  });
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
}
