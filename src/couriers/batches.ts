import { domainOf, normalizeAddress } from '../message/address/address.ts';
import type { EnvelopeRecipient } from '../message/envelope.ts';

/** Recipients that fit into one transaction or request. */
export type Batch = [EnvelopeRecipient, ...EnvelopeRecipient[]];

/** How many recipients an upstream takes at once. */
export interface BatchLimits {
  /** In total. */
  readonly recipients: number;
  readonly recipientsPerDomain: number;
}

/**
 * Distributes recipients over as few transactions or requests as the limits allow; order is kept within each. Different
 * spellings of one mailbox are one recipient: in two transactions it would get two copies.
 */
export function planBatches(recipients: readonly EnvelopeRecipient[], limits: BatchLimits): Batch[] {
  const planned: { batch: Batch; perDomain: Map<string, number> }[] = [];
  const seen = new Set<string>();
  for (const recipient of recipients) {
    const key = normalizeAddress(recipient.address);
    if (seen.has(key)) continue;
    seen.add(key);
    const domain = domainOf(recipient.address);
    const place = planned.find(
      ({ batch, perDomain }) =>
        batch.length < limits.recipients && (perDomain.get(domain) ?? 0) < limits.recipientsPerDomain,
    );
    if (place === undefined) {
      planned.push({ batch: [recipient], perDomain: new Map([[domain, 1]]) });
      continue;
    }
    place.batch.push(recipient);
    place.perDomain.set(domain, (place.perDomain.get(domain) ?? 0) + 1);
  }
  return planned.map(({ batch }) => batch);
}
