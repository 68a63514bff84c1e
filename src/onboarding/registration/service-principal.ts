import { type Directory, filterBy, type ServicePrincipal, servicePrincipalForm } from './directory.ts';
import { isNotFound } from './directory-error.ts';
import { type ReplicationOptions, untilReplicated } from './replication.ts';

/**
 * Finds the service principal ("enterprise application") of an app registration or creates it.
 * @throws BridgeError `registration-not-visible`, `directory-refused`
 */
export async function settleServicePrincipal(
  directory: Directory,
  clientId: string,
  replication: ReplicationOptions,
): Promise<{ readonly servicePrincipal: ServicePrincipal; readonly created: boolean }> {
  const query = `${filterBy('appId', clientId)}&$select=id,appId,displayName`;
  const [found] = await directory.list(`/v1.0/servicePrincipals?${query}`, servicePrincipalForm);
  if (found) return { servicePrincipal: found, created: false };
  // The tag makes it appear among the enterprise applications of the Entra admin center.
  const body = { appId: clientId, tags: ['WindowsAzureActiveDirectoryIntegratedApp'] };
  const servicePrincipal = await untilReplicated(replication, 'the app registration', isNotFound, () =>
    directory.post('/v1.0/servicePrincipals', body, servicePrincipalForm),
  );
  return { servicePrincipal, created: true };
}
