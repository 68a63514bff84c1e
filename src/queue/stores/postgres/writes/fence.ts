import { BridgeError } from '../../../../base/errors.ts';
import type { Lease } from '../../../ownership/lease.ts';

/** Columns of an entry written on behalf of a destination, for `json_to_recordset`. */
export const leaseColumns = 'lease_key text, lease_fence bigint';

/** The same as JSON. */
export function leaseEntry(lease: Lease | undefined) {
  return { lease_key: lease?.key ?? null, lease_fence: lease?.fence ?? null };
}

/**
 * Selects as `allowed` the entries in `input` whose lease still belongs to the owner in the given parameter. Locks the
 * leases: an instance that takes one over does so before this statement, which then writes nothing, or after it, and
 * then sees all of it.
 */
export const fencedBy = (owner: string): string => `
  fences AS MATERIALIZED (
    SELECT l.key, l.fence FROM mailbridge.leases l
    WHERE l.owner = ${owner}
      AND (l.key, l.fence) IN (SELECT lease_key, lease_fence FROM input WHERE lease_key IS NOT NULL)
    ORDER BY l.key FOR SHARE
  ),
  allowed AS MATERIALIZED (
    SELECT i.* FROM input i WHERE i.lease_key IS NULL
      OR EXISTS (SELECT FROM fences f WHERE f.key = i.lease_key AND f.fence = i.lease_fence)
  )`;

/**
 * A condition that a column names one of the entries in a part of the statement. It repeats the join: with the join
 * alone the server may read all of a large table, if its statistics are from when the table was small.
 */
export const among = (column: string, entries = 'allowed', id = 'id'): string =>
  `${column} = ANY (ARRAY(SELECT ${id} FROM ${entries}))`;

export function leaseLost(lease: Lease | undefined): BridgeError {
  return new BridgeError('lease-lost', `Another instance delivers ${lease?.key ?? 'this mailbox'} now.`);
}
