import { reachedMailboxes } from '../../accounts/account.ts';
import type { Config } from '../../config/schema.ts';
import { domainOf } from '../../message/address/address.ts';
import { splitConnection } from '../../message/own-connection.ts';
import { type IsInternal, internalDomains } from '../../queue/limits/limits.ts';

/** Which recipients are within the tenant of a connection: those in a domain of its mailboxes, or in the list. */
export function tenantDomains({
  accounts,
  connections,
  limits,
}: Pick<Config, 'accounts' | 'connections' | 'limits'>): IsInternal {
  const listed = limits.internalDomains.map((domain) => domainOf(`@${domain}`));
  const domains = new Map(Object.keys(connections).map((name) => [name, new Set(listed)]));
  for (const account of accounts) {
    for (const mailbox of reachedMailboxes(account)) domains.get(account.connection)?.add(domainOf(mailbox));
  }
  const isInternal = internalDomains(domains);
  return (connection, address) => isInternal(splitConnection(connection).connection, address);
}

/** The same for the configuration in force: a reload may bring mailboxes of another domain. */
export function currentTenantDomains(current: () => Config): IsInternal {
  let config: Config | undefined;
  let isInternal: IsInternal = () => false;
  return (connection, address) => {
    if (config !== current()) {
      config = current();
      isInternal = tenantDomains(config);
    }
    return isInternal(connection, address);
  };
}
