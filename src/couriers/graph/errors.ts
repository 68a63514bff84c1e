import type { GraphError } from '../../graph/client/error.ts';
import { verdictOf } from '../known-refusal.ts';
import { type CourierVerdict, inTrouble, ownVerdict } from '../verdict.ts';
import { type GraphRefusalRow, graphRefusalRow, graphStatuses } from './refusals.ts';

/**
 * The verdict on a refusal by Graph: by its code, else by its status. A wait that Graph asks for is kept. If several
 * mailboxes get a refused token or trouble of the service, the connection is to blame.
 */
export function graphRefusal(error: GraphError): CourierVerdict {
  const { status } = error;
  const isOfService = status === 401 || (status >= 500 && status !== 504 && status !== 507);
  const verdict = ofRefusal(error);
  return isOfService ? inTrouble(verdict, 'graph', false) : verdict;
}

function ofRefusal(error: GraphError): CourierVerdict {
  const { code, requestId, retryAfterMs, status } = error;
  const upstreamId = requestId === undefined ? {} : { upstreamId: requestId };
  const asked =
    retryAfterMs === undefined ? {} : { retryAfterMs, pauseMailboxMs: retryAfterMs, ofCourier: true as const };
  const text = `${status} ${code}: ${error.message}`;
  if (status === 504) {
    return { ...ownVerdict('upstream-ambiguous', `It may have been delivered: ${text}`), ...asked, ...upstreamId };
  }
  const row = knownRow(error);
  if (row) return { code, text, ...asked, ...verdictOf(row, retryAfterMs), ...upstreamId };
  return { outcome: status >= 500 || status < 400 ? 'temporary' : 'permanent', code, text, ...asked, ...upstreamId };
}

function knownRow({ code, innerCode, status }: GraphError): GraphRefusalRow | undefined {
  return graphRefusalRow(code) ?? graphRefusalRow(innerCode ?? '') ?? graphStatuses[status];
}
