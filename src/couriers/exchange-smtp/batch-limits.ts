import type { BatchLimits } from '../batches.ts';

/**
 * Exchange Online refuses more than 200 recipients of one domain per transaction (452 4.5.3, Microsoft: "Fix NDR error
 * code 4.5.3") and, by default, more than 500 in all (Exchange Online limits, "Recipient limit").
 */
export const batchLimits: BatchLimits = { recipients: 500, recipientsPerDomain: 200 };
