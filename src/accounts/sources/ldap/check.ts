import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { SourceFinding } from '../../password-source.ts';
import { LdapConnection } from './connection.ts';
import { LdapDirectory } from './directory.ts';
import { ldapFailure } from './refusal.ts';
import type { LdapSettings } from './settings.ts';

/** The server cannot parse the name it was given (RFC 4511 appendix A.2). */
const invalidDnSyntax = 34;

/**
 * Checks whether an LDAP server can be used: TLS, the bind for the search, the search itself, and a bind with an
 * unknown name.
 * @param people names that the search must find, if there is one
 * @throws BridgeError `ldap-unavailable`, `ldap-refused`
 */
export async function checkLdap(
  settings: LdapSettings,
  clock: Clock,
  people: readonly string[] = [],
): Promise<SourceFinding> {
  const { url, person } = settings;
  const tls = await tlsOf(settings);
  const directory = new LdapDirectory(settings, clock);
  try {
    const { code } = await directory.probe();
    if ('bindDn' in person && code === invalidDnSyntax) {
      throw new BridgeError('ldap-refused', `${url} cannot read names such as ${person.bindDn}.`, {
        remedy:
          'Only Active Directory accepts user principal names: write bindDn as a DN, such as uid={local},ou=people,dc=contoso,dc=com, or search with baseDn.',
      });
    }
    for (const name of people) if (!(await directory.finds(name))) throw notFound(settings, name);
  } finally {
    directory.close();
  }
  const how = 'bindDn' in person ? `binds as ${person.bindDn}` : `searches in ${person.baseDn}`;
  return { detail: `answers ${tls === undefined ? 'without TLS' : `over ${tls}`}, ${how}` };
}

function notFound({ url, person }: LdapSettings, name: string): BridgeError {
  const where = 'bindDn' in person ? `bindDn ${person.bindDn}` : `the filter ${person.filter} in ${person.baseDn}`;
  return new BridgeError('ldap-refused', `${url} does not find ${name}, or finds several: by ${where}.`, {
    remedy:
      'Correct filter and baseDn of passwordFrom.ldap. If they are right, check that the user of searchBind may read that person.',
  });
}

/** Returns the TLS version in use; undefined for none. */
async function tlsOf(settings: LdapSettings): Promise<string | undefined> {
  try {
    const connection = await LdapConnection.open(settings);
    connection.close();
    return connection.tlsVersion;
  } catch (error) {
    throw ldapFailure(settings.url, 'StartTLS', error);
  }
}
