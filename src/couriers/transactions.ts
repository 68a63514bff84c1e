import type { EnvelopeRecipient } from '../message/envelope.ts';

/** Recipients that one transaction can hold. */
export type Batch = [EnvelopeRecipient, ...EnvelopeRecipient[]];

/**
 * Exchange Online refuses more than 200 recipients of one domain in a transaction (452 4.5.3, Microsoft: "Fix NDR
 * error code 4.5.3") and, by default, more than 500 in all (Exchange Online limits, "Recipient limit").
 */
export const transactionLimits = { recipients: 500, recipientsPerDomain: 200 } as const;

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** Shares out recipients, each address once, over as few transactions as the limits allow; order is kept within each. */
export function planTransactions(recipients: readonly EnvelopeRecipient[]): Batch[] {
  const planned: { batch: Batch; perDomain: Map<string, number> }[] = [];
  const seen = new Set<string>();
  for (const recipient of recipients) {
    if (seen.has(recipient.address)) continue;
    seen.add(recipient.address);
    const domain = domainOf(recipient.address);
    const place = planned.find(
      ({ batch, perDomain }) =>
        batch.length < transactionLimits.recipients &&
        (perDomain.get(domain) ?? 0) < transactionLimits.recipientsPerDomain,
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
