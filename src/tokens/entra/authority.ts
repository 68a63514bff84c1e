import { BridgeError } from '../../base/errors.ts';

/** The authority of a tenant, in the two forms the Microsoft library requires. */
export interface TenantAuthority {
  /** `https://host[:port]/tenant` */
  readonly authority: string;
  /** `host[:port]`; hosts listed here are never looked up at Microsoft's instance discovery. */
  readonly knownAuthorities: string[];
}

/**
 * Names that do not identify a particular tenant: Microsoft identity platform documentation, "Application types and
 * OAuth2".
 */
const tenantless = new Set(['common', 'organizations', 'consumers']);

/**
 * Joins authority and tenant for a grant that needs one tenant.
 * @param authority such as `https://login.microsoftonline.com`, without a path
 * @throws BridgeError `authority-invalid`, `tenant-invalid`
 */
export function tenantAuthority(connection: string, authority: string, tenantId: string): TenantAuthority {
  if (tenantless.has(tenantId.toLowerCase())) {
    const message = `Connection "${connection}" asks for an app-only token, and "${tenantId}" names no tenant.`;
    throw new BridgeError('tenant-invalid', message);
  }
  return peopleAuthority(connection, authority, tenantId);
}

/**
 * Like {@link tenantAuthority}, for a grant by which a person signs in: if `tenantId` is `common` or `organizations`,
 * the person's own tenant decides.
 * @throws BridgeError `authority-invalid`, `tenant-invalid`
 */
export function peopleAuthority(connection: string, authority: string, tenantId: string): TenantAuthority {
  const url = URL.canParse(authority) ? new URL(authority) : undefined;
  if (url?.protocol === 'http:') {
    const message = `The authority of connection "${connection}" is http:, not https:.`;
    throw new BridgeError('authority-invalid', message);
  }
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search || url.hash || url.username || url.password) {
    const message = `The authority of connection "${connection}" is not of the form https://host or https://host:port.`;
    throw new BridgeError('authority-invalid', message);
  }
  // Only the characters of a GUID or a domain, because the tenant becomes part of the URL.
  if (!/^[a-z0-9][a-z0-9.-]{0,252}$/i.test(tenantId)) {
    throw new BridgeError('tenant-invalid', `The tenant of connection "${connection}" is neither a GUID nor a domain.`);
  }
  return { authority: `${url.origin}/${tenantId}`, knownAuthorities: [url.host] };
}
