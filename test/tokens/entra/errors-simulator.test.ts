import { expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { errorCatalogue } from '../../../src/base/error-catalogue.ts';
import type { BridgeError } from '../../../src/base/errors.ts';
import { createHttpClient } from '../../../src/base/http/client.ts';
import { aadstsCatalogue } from '../../../src/simulator/entra/aadsts-catalogue.ts';
import { entraError } from '../../../src/tokens/entra/errors.ts';
import { clientCredentialsGrant } from '../../../src/tokens/grants/client-credentials.ts';
import { afterTest, clientForm, microsoft365 } from '../../simulator/harness.ts';

/** Errors that administrators meet during set-up, and a few words of the remedy that is unique to each. */
const codes: readonly (readonly [string, string])[] = [
  ['7000229', 'az ad sp create'],
  ['500200', 'consumers'],
  ['650053', 'Remove scopes'],
  ['9002346', 'consumers'],
  ['9002332', 'Directory (tenant) ID'],
  ['500014', 'subscription'],
  ['900144', 'Fill in what it names'],
  ['50012', 'Upload this certificate'],
  ['5000224', 'support request'],
  ['700024', 'Set the clock of this machine'],
  ['70002', 'Allow public client flows'],
  ['50020', 'a user of the tenant'],
];

test('each refusal that Microsoft 365 makes in a set-up comes with a remedy of its own', async () => {
  const m365 = await microsoft365();
  const http = createHttpClient({ ca: m365.ca, env: {} });
  afterTest(() => http.close());
  const { tenantId, clientId, clientSecret, endpoints } = m365;
  const grant = clientCredentialsGrant({
    name: 'contoso',
    tenantId,
    clientId,
    credential: { kind: 'secret', secret: () => clientSecret },
    authority: endpoints.authority,
    http,
    clock: systemClock,
  });
  for (const [code, remedy] of codes) {
    await m365.control('POST', '/faults', { target: 'entra', kind: 'status', code });
    const error = await grant.acquire(['https://graph.microsoft.com/.default'], { forceRenew: true }).then(
      () => undefined,
      (thrown: BridgeError) => thrown,
    );
    expect(error, code).toMatchObject({ code: 'token-refused', details: { aadsts: `AADSTS${code}` } });
    expect(error?.remedy, code).toContain(remedy);
    expect(error?.remedy, code).not.toBe(errorCatalogue['token-refused'].remedy);
  }
});

test('an app that was registered without a service principal is told so', async () => {
  const m365 = await microsoft365();
  m365.tenant.app.servicePrincipalId = undefined;
  expect(await (await m365.tokenRequest(clientForm(m365))).json()).toMatchObject({ error_codes: [7000229] });
});

/** Texts about the protocol itself, which no administrator's setting causes. */
const ours = new Set(['70005', '70007']);

test('whatever Microsoft 365 can answer here has a remedy of its own', () => {
  const general = Object.keys(aadstsCatalogue).filter((code) => !ours.has(code) && !entraError(Number(code)));
  expect(general).toEqual([]);
});
