import { domainOf, normalizeAddress } from '../message/address/address.ts';
import type { EnvelopeRecipient } from '../message/envelope.ts';

/** Recipients that one transaction or request can hold. */
export type Batch = [EnvelopeRecipient, ...EnvelopeRecipient[]];

/** How many recipients an upstream takes at once. */
export interface BatchLimits {
  /** In all. */
  readonly recipients: number;
  readonly recipientsPerDomain: number;
}

/**
 * Shares out recipients over as few transactions or requests as the limits allow; order is kept within each. Spellings
 * of one mailbox are one recipient: in two transactions it would get two copies.
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
