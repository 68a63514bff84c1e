import { ConfidentialClientApplication } from '@azure/msal-node';
import { describe, expect, test } from 'vitest';
import { createHttpClient } from '../../src/base/http/client.ts';
import { entraError } from '../../src/tokens/entra/errors.ts';
import { MsalNetwork } from '../../src/tokens/entra/msal-network.ts';
import { tokenError } from '../../src/tokens/token-error.ts';
import { clientId, entraErrorAnswer, secret, sendJson, startFakeEntra, tenant } from './fake-entra.ts';

describe('the throttle of the Microsoft library', () => {
  test.each([
    [429, 90055, 'AADSTS90055'],
    [503, 90033, 'AADSTS90033'],
  ])('after a %i comes out as temporary, with the code of the first answer', async (status, number, aadsts) => {
    const entra = await startFakeEntra();
    const http = createHttpClient({ ca: entra.ca, env: {} });
    const network = new MsalNetwork(http, 5000);
    const app = new ConfidentialClientApplication({
      auth: {
        clientId,
        clientSecret: secret,
        authority: `${entra.authority}/${tenant}`,
        knownAuthorities: [`127.0.0.1:${entra.port}`],
      },
      system: { networkClient: network },
    });
    const ask = () => app.acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] });
    entra.next.push((response) =>
      sendJson(response, status, entraErrorAnswer(number, 'temporarily_unavailable', 'Too busy.')),
    );
    await expect(ask()).rejects.toThrow();
    const thrown = await ask().catch((error: unknown) => error);
    await http.close();
    await entra.close();
    expect(entra.posts).toHaveLength(1);

    const error = tokenError({ connection: 'contoso', thrown, failure: undefined, nowMs: 0 });
    expect(error).toMatchObject({ code: 'token-temporarily-unavailable', kind: 'temporary', details: { aadsts } });
    // The known cause of the number precedes the answer's own text.
    expect(error.message).toContain(`${entraError(number)?.cause} Microsoft says: ${aadsts}: Too busy.`);
  });
});

test('that Entra ID is busy is told with the status, where an answer came', () => {
  const failure = { kind: 'answer', host: 'login.example', contentType: 'text/html', body: undefined } as const;
  const told = (status: number | undefined) =>
    tokenError({
      connection: 'contoso',
      thrown: new Error(),
      failure: { ...failure, status, body: { error: 'server_error', errorCodes: [] } } as never,
      nowMs: 0,
    }).message;
  expect(told(503)).toBe(
    'Microsoft Entra ID has no token for connection "contoso" just now (HTTP 503). Microsoft says: server_error',
  );
  expect(told(undefined)).toBe(
    'Microsoft Entra ID has no token for connection "contoso" just now. Microsoft says: server_error',
  );
});

test('any other fault of the library is named by its code', () => {
  const thrown = Object.assign(new Error('endpoints_resolution_error: See https://aka.ms'), {
    name: 'ClientAuthError',
    errorCode: 'endpoints_resolution_error',
  });
  const error = tokenError({ connection: 'contoso', thrown, failure: undefined, nowMs: 0 });
  expect(error.code).toBe('token-answer-invalid');
  expect(error.message).toBe('Connection "contoso" could not get a token: endpoints_resolution_error.');
});

test('a secret is never sent to a token endpoint that is not https', async () => {
  const http = createHttpClient({ env: {} });
  const network = new MsalNetwork(http, 5000);
  const sending = network.sendPostRequestAsync('http://127.0.0.1:1/token', { body: 'client_secret=x' });
  await expect(sending).rejects.toThrow('is not https');
  const error = tokenError({ connection: 'contoso', thrown: undefined, failure: network.failure, nowMs: 0 });
  expect(error).toMatchObject({ code: 'token-answer-invalid' });
  await http.close();
});
