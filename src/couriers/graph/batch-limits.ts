import type { BatchLimits } from '../batches.ts';

/**
 * Graph takes 500 recipients in a request (Exchange Online limits, "Recipient limit"). It has no transaction, and so no
 * limit by domain.
 */
export const batchLimits: BatchLimits = { recipients: 500, recipientsPerDomain: 500 };
