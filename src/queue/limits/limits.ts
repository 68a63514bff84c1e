import { domainOf } from '../../message/address/address.ts';

/** Delivery limits. */
export interface QueueLimits {
  /** For one mailbox. */
  readonly messagesPerMinute: number;
  /** In 24 hours, for one mailbox. */
  readonly recipientsPerDay: number;
  /** Concurrent attempts for one mailbox by each courier; default: what Microsoft allows (`CourierTraits`). */
  readonly concurrentPerMailbox?: number;
  /** Concurrent attempts over all mailboxes; default {@link usualConcurrency}. */
  readonly concurrentDeliveries?: number;
  /** Recipients outside the tenant in 24 hours, for one connection; absent: not counted in advance. */
  readonly externalRecipientsPerDay?: number;
}

export const usualConcurrency = 256;

export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

/** Whether an address belongs to the tenant of a connection: Microsoft does not count it as external. */
export type IsInternal = (connection: string, address: string) => boolean;

/** Whether one person logs in for all mailboxes of a connection, so that they share the limits of that login. */
export type OneLogin = (connection: string) => boolean;

/** @param domains of each connection, as `domainOf` gives them; subdomains are domains of their own */
export function internalDomains(domains: ReadonlyMap<string, ReadonlySet<string>>): IsInternal {
  return (connection, address) => domains.get(connection)?.has(domainOf(address)) === true;
}
