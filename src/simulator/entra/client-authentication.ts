import { timingSafeEqual } from 'node:crypto';
import type { AppRegistration, Tenant } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';
import { clientIdOf, verifyClientAssertion } from './client-assertion.ts';
import { findApp } from './registered-app.ts';

/** The client of a token request, and how it authenticated. */
export interface AuthenticatedClient {
  readonly app: AppRegistration;
  /** `0` not at all, `1` a secret, `2` a certificate or a federated credential: the `appidacr` claim. */
  readonly method: '0' | '1' | '2';
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Finds the client of a token request and checks its secret or assertion, if any: in the form, or HTTP Basic (RFC 6749
 * section 2.3.1).
 * @throws AadstsError
 */
export async function authenticateClient(
  tenant: Tenant,
  form: URLSearchParams,
  authorization: string | undefined,
  audiences: readonly string[],
): Promise<AuthenticatedClient> {
  const basic = basicCredentials(authorization);
  const assertion = form.get('client_assertion');
  const clientId = form.get('client_id') ?? basic?.id ?? (assertion ? clientIdOf(assertion) : undefined);
  if (!clientId) throw AadstsError.of('900144', 'client_id');
  const app = findApp(tenant, clientId);
  if (assertion && form.get('client_assertion_type') === assertionType) {
    await verifyClientAssertion(assertion, app, audiences);
    return { app, method: '2' };
  }
  const secret = form.get('client_secret') ?? basic?.secret;
  if (!secret) return { app, method: '0' };
  checkSecret(app, secret);
  return { app, method: '1' };
}

/** Refuses a client without a credential unless the app allows public client flows. @throws AadstsError 7000218 */
export function assertMayBePublic({ app, method }: AuthenticatedClient): void {
  if (method === '0' && !app.publicClientFlows) throw AadstsError.of('7000218');
}

function checkSecret(app: AppRegistration, given: string): void {
  const match = app.secrets.find(({ value }) => isEqual(value, given));
  if (!match) throw AadstsError.of('7000215', app.clientId);
  if (match.expiresAt <= Date.now()) throw AadstsError.of('7000222', app.clientId);
}

function isEqual(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function basicCredentials(authorization: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (!encoded) return undefined;
  const [id = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':');
  try {
    return { id: decodeURIComponent(id), secret: decodeURIComponent(secret.join(':')) };
  } catch {
    return { id, secret: secret.join(':') };
  }
}
