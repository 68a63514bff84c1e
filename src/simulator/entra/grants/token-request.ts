import { AadstsError } from '../aadsts.ts';
import type { AuthenticatedClient } from '../client-authentication.ts';
import type { EntraServices } from '../services.ts';

/** A request at the token endpoint from a known client. */
export interface TokenRequest {
  readonly entra: EntraServices;
  readonly form: URLSearchParams;
  readonly client: AuthenticatedClient;
  /** How the URL names the tenant. */
  readonly tenantName: string;
}

/** A required form field. @throws AadstsError 900144 */
export function requiredField(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (!value) throw AadstsError.of('900144', name);
  return value;
}

/** Whether the client requests `client_info`, which says whom the tokens are for. */
export function wantsClientInfo(form: URLSearchParams): boolean {
  return form.get('client_info') === '1';
}
