/** The tenant that all personal accounts are in (Microsoft: "ID token claims reference", `tid`). */
const personalTenant = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** Tells whether a tenant ID stands for the personal accounts of outlook.com, hotmail.com and live.com. */
export function isPersonalTenant(tenantId: unknown): boolean {
  const id = String(tenantId).toLowerCase();
  return id === 'consumers' || id === personalTenant;
}
