import type { BatchLimits } from '../batches.ts';

/**
 * Graph takes 500 recipients per request (Exchange Online limits, "Recipient limit"). It has no transactions, and so no
 * limit by domain.
 */
export const batchLimits: BatchLimits = { recipients: 500, recipientsPerDomain: 500 };
