import { type AppCredential, isCertificate, readCredentials } from './credentials.ts';
import type { Directory, KeyCredential } from './directory.ts';
import type { ReplicationOptions } from './replication.ts';

/** Selects certificates of a registration. */
export interface OrphanSearch {
  /** Object id of the app registration. */
  readonly applicationId: string;
  /** The name that this command gives to certificates of the connection. */
  readonly displayName: string;
  /** The current credential of the connection. */
  readonly current: AppCredential;
}

/**
 * Removes certificates that earlier tries for the same connection have left in the registration, if wanted. It cannot
 * be seen here whether another machine has the key of one.
 * @param isWanted called once, if there are any
 * @returns how many there were, and whether they are gone
 */
export async function settleOrphans(
  directory: Directory,
  { applicationId, displayName, current }: OrphanSearch,
  replication: ReplicationOptions,
  isWanted: (count: number) => Promise<boolean>,
): Promise<{ readonly count: number; readonly removed: boolean }> {
  if (current.kind !== 'certificate') return { count: 0, removed: false };
  const { certificates } = await readCredentials(directory, applicationId, replication);
  const isCurrent = (each: KeyCredential) => isCertificate(each, current.certPem);
  // Writing back a list that does not show the current one yet would remove it.
  if (!certificates.some(isCurrent)) return { count: 0, removed: false };
  const kept = certificates.filter((each) => isCurrent(each) || each.displayName !== displayName);
  const count = certificates.length - kept.length;
  if (count === 0 || !(await isWanted(count))) return { count, removed: false };
  await directory.patch(`/v1.0/applications/${applicationId}`, { keyCredentials: kept });
  return { count, removed: true };
}
