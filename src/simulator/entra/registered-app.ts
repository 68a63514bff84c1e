import type { AppRegistration, Tenant } from '../tenant/tenant.ts';
import { AadstsError } from './aadsts.ts';

/** The app with a client id. @throws AadstsError if it does not exist, is disabled, or is not replicated yet */
export function findApp(tenant: Tenant, clientId: string): AppRegistration {
  const app = tenant.apps.get(clientId.toLowerCase());
  const madeAtMs = Math.max(app?.createdAtMs ?? 0, app?.servicePrincipalCreatedAtMs ?? 0);
  if (!app || madeAtMs + tenant.replicationMs > Date.now())
    throw AadstsError.of('700016', clientId, tenant.displayName);
  if (app.disabled) throw AadstsError.of('7000112', app.clientId, app.displayName);
  return app;
}
