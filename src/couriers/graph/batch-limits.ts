import type { BatchLimits } from '../batches.ts';

/**
 * Graph takes 500 recipients in a request (Exchange Online limits, "Recipient limit"). It has no transaction, and so no
 * limit by domain.
 */
export const batchLimits: BatchLimits = { recipients: 500, recipientsPerDomain: 500 };

/** In bytes. A request has 4 MB, the message in base64 (Microsoft: "user: sendMail"). */
export const maxMimeBytes = 3000 * 1024;
