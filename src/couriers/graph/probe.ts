import { BridgeError } from '../../base/errors.ts';
import { graphErrorOf } from '../../graph/client/error.ts';
import type { ConnectionTrouble } from '../../message/delivery.ts';
import type { UpstreamAccess } from '../descriptor.ts';
import { networkFailure } from '../network-errors.ts';
import { probeTimeoutMs, unforeseenTrouble } from '../probe-trouble.ts';
import { graphRefusal } from './errors.ts';

/** Without a token Graph refuses, which shows that it is there. */
export async function probe({ http, endpoints, clock }: UpstreamAccess): Promise<ConnectionTrouble | undefined> {
  try {
    const url = `${endpoints.graph}/v1.0/`;
    const answer = await http.request({ method: 'GET', url, signal: AbortSignal.timeout(probeTimeoutMs) });
    await answer.discard();
    if (answer.status < 500) return undefined;
    return graphRefusal(graphErrorOf(answer.status, answer.headers, '', clock.now())).trouble;
  } catch (error) {
    return error instanceof BridgeError ? networkFailure(error, 'graph').trouble : unforeseenTrouble(error, 'graph');
  }
}
