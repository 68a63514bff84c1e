import { randomUUID } from 'node:crypto';
import { type HttpAnswer, type HttpRequest, withFault } from '../http/http-server.ts';
import { EntraError, errorAnswer } from './aadsts.ts';
import { authenticateClient } from './client-authentication.ts';
import { grantClientCredentials } from './client-credentials.ts';
import type { EntraServices } from './entra-server.ts';
import { assertionAudiences, assertTenant, assertTenantNamed } from './tenant-segment.ts';

/** Largest form any of Entra's endpoints reads. */
export const maxFormBytes = 64 * 1024;

const noStore = { 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache' };

/** `POST /{tenant}/oauth2/v2.0/token`. */
export function answerTokenRequest(entra: EntraServices, request: HttpRequest, tenant: string): Promise<HttpAnswer> {
  const correlationId = correlationIdOf(request);
  const serve = async (): Promise<HttpAnswer> => {
    try {
      return { status: 200, headers: noStore, body: await grant(entra, request, tenant) };
    } catch (error) {
      if (error instanceof EntraError) return errorAnswer(error, correlationId, entra.authority);
      throw error;
    }
  };
  return withFault(entra.faults.take('entra'), serve, ({ code = '90033', status, text }) =>
    errorAnswer(EntraError.staged(code, status, text), correlationId, entra.authority),
  );
}

async function grant(
  { tenant, signer, authority }: EntraServices,
  request: HttpRequest,
  name: string,
): Promise<object> {
  const form = new URLSearchParams((await request.readBody(maxFormBytes)).toString());
  const type = form.get('grant_type');
  if (!type) throw EntraError.of('900144', 'grant_type');
  assertTenant(tenant, name);
  if (type !== 'client_credentials') throw EntraError.of('70003', type);
  const audiences = assertionAudiences(authority, tenant, name);
  const client = authenticateClient(tenant, form, request.headers.authorization, audiences);
  assertTenantNamed(tenant, name, type, client.app);
  return grantClientCredentials(tenant, signer, client, form.get('scope'));
}

/** The client's own id for the request, or a new one. */
function correlationIdOf(request: HttpRequest): string {
  const given = request.url.searchParams.get('client-request-id') ?? request.headers['client-request-id'];
  return typeof given === 'string' && /^[\da-f-]{36}$/i.test(given) ? given : randomUUID();
}
