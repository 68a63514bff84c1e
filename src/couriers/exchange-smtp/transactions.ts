import { domainOf, normalizeAddress } from '../../message/address/address.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';

/** Recipients that one transaction or request can hold. */
export type Batch = [EnvelopeRecipient, ...EnvelopeRecipient[]];

/**
 * Exchange Online refuses more than 200 recipients of one domain in a transaction (452 4.5.3, Microsoft: "Fix NDR
 * error code 4.5.3") and, by default, more than 500 in all (Exchange Online limits, "Recipient limit").
 */
export const transactionLimits = { recipients: 500, recipientsPerDomain: 200 } as const;

/** Graph has no transaction, and so no limit by domain. */
export const requestLimits = { recipients: 500, recipientsPerDomain: 500 } as const;

/**
 * Shares out recipients over as few transactions or requests as the limits allow; order is kept within each. Spellings
 * of one mailbox are one recipient: in two transactions it would get two copies.
 */
export function planTransactions(
  recipients: readonly EnvelopeRecipient[],
  limits: typeof transactionLimits | typeof requestLimits = transactionLimits,
): Batch[] {
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
