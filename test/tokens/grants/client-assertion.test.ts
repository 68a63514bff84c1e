import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient, type HttpClient } from '../../../src/base/http/client.ts';
import { readClientAssertion } from '../../../src/tokens/grants/client-assertion.ts';
import { clientCredentialsGrant } from '../../../src/tokens/grants/client-credentials.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { clientId, entraErrorAnswer, type FakeEntra, sendJson, startFakeEntra, tenant } from '../fake-entra.ts';

/** A token as Kubernetes issues them, by its looks. */
const jwt = (subject: string) =>
  [{ alg: 'RS256', kid: 'one' }, { iss: 'https://cluster.example', sub: subject }, 'signature']
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

describe('a federated client assertion', () => {
  let entra: FakeEntra;
  let http: HttpClient;

  beforeEach(async () => {
    entra = await startFakeEntra();
    http = createHttpClient({ ca: entra.ca, env: {} });
  });

  afterEach(async () => {
    await http.close();
    await entra.close();
  });

  const grant = (file: string) =>
    clientCredentialsGrant({
      name: 'contoso',
      tenantId: tenant,
      clientId,
      credential: { kind: 'assertion', assertion: () => readClientAssertion('contoso', file) },
      authority: entra.authority,
      http,
      clock: systemClock,
    });
  const graph = ['https://graph.microsoft.com/.default'];
  const takeAssertion = () =>
    entra.next.push((response) => sendJson(response, 200, { access_token: 'granted', expires_in: 3599 }));

  test('stands in place of a secret, and is read anew for each request', async () => {
    const file = join(temporaryFolder(), 'azure-identity-token');
    const one = grant(file);
    const sent: (string | null)[] = [];
    for (const pod of ['first', 'second']) {
      writeFileSync(file, `${jwt(pod)}\n`);
      takeAssertion();
      expect((await one.acquire(graph, { forceRenew: false })).value).toBe('granted');
      sent.push(entra.posts.at(-1)!.get('client_assertion'));
    }
    expect(sent).toEqual([jwt('first'), jwt('second')]);
    expect(entra.posts[0]!.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    expect(entra.posts[0]!.has('client_secret')).toBe(false);
  });

  test('that Entra ID refuses is not told', async () => {
    const file = join(temporaryFolder(), 'token');
    writeFileSync(file, jwt('pod'));
    const text = `No matching federated identity record found for presented assertion subject 'pod' in ${jwt('pod')}.`;
    entra.next.push((response) => sendJson(response, 401, entraErrorAnswer(700212, 'invalid_client', text)));
    const error = await grant(file)
      .acquire(graph, { forceRenew: false })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'token-refused', details: { aadsts: 'AADSTS700212' } });
    expect(String(error)).toContain('Federated credentials');
    expect(String(error)).not.toContain(jwt('pod'));
  });

  test('whose file is missing is asked for nothing', async () => {
    const file = join(temporaryFolder(), 'token');
    const asking = grant(file).acquire(graph, { forceRenew: false });
    await expect(asking).rejects.toMatchObject({ code: 'client-assertion-invalid' });
    expect(entra.requests).toEqual([]);
  });
});

test.each([
  ['is not there', 'does not exist', (file: string) => rmSync(file, { force: true })],
  ['is a folder', 'cannot be read (EISDIR)', (file: string) => mkdirSync(file)],
  ['is empty', 'is empty', (file: string) => writeFileSync(file, '\n')],
  ['is too large', 'is larger than 16384 bytes', (file: string) => writeFileSync(file, jwt('x'.repeat(20_000)))],
  ['holds something else', 'holds no JWT', (file: string) => writeFileSync(file, 'ganz-geheim-7')],
  ['holds two', 'holds no JWT', (file: string) => writeFileSync(file, `${jwt('a')}\n${jwt('b')}\n`)],
])('a file of an assertion that %s is named', async (_what, message, prepare) => {
  const file = join(temporaryFolder(), 'token');
  prepare(file);
  await expect(readClientAssertion('contoso', file)).rejects.toMatchObject({
    code: 'client-assertion-invalid',
    kind: 'needs-admin',
    message: `The client assertion of connection "contoso": ${file} ${message}.`,
  });
});
