import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { HttpClient } from '../base/http/client.ts';
import { SmtpUpstreamError } from '../exchange/smtp/error.ts';
import { probeSmtp } from '../exchange/smtp/probe.ts';
import type { SmtpSessionOptions } from '../exchange/smtp/session.ts';
import { graphErrorOf } from '../graph/client/error.ts';
import type { ConnectionPart, ConnectionTrouble } from '../message/delivery.ts';
import { upstreamFailure } from './exchange-smtp/errors.ts';
import { graphRefusal } from './graph/errors.ts';
import { networkFailure } from './network-errors.ts';
import { inTrouble, ownVerdict, tokenFailure } from './verdict.ts';

/** What a connection is asked with. */
export interface ConnectionProbeOptions {
  /** Asks Microsoft even where a failure is remembered. */
  getToken(resource: 'graph' | 'exchange'): Promise<unknown>;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly graphOrigin: string;
  readonly smtp: SmtpSessionOptions;
}

const timeoutMs = 10_000;

/**
 * Looks whether the trouble of a part of a connection is over, as far as that shows without a message: a token is to be
 * had, the host answers. Never rejects.
 */
export async function probeConnection(
  part: ConnectionPart,
  options: ConnectionProbeOptions,
): Promise<ConnectionTrouble | undefined> {
  try {
    if (part === 'graph') return await graphTrouble(options);
    if (part === 'smtp') await probeSmtp(options.smtp, AbortSignal.timeout(timeoutMs));
    else await options.getToken(part === 'graph-token' ? 'graph' : 'exchange');
    return undefined;
  } catch (error) {
    return troubleOf(error, part, options);
  }
}

/** Without a token Graph refuses, and shows by it that it is there. */
async function graphTrouble({
  http,
  graphOrigin,
  clock,
}: ConnectionProbeOptions): Promise<ConnectionTrouble | undefined> {
  const url = `${graphOrigin}/v1.0/`;
  const answer = await http.request({ method: 'GET', url, signal: AbortSignal.timeout(timeoutMs) });
  await answer.discard();
  return answer.status < 500
    ? undefined
    : graphRefusal(graphErrorOf(answer.status, answer.headers, '', clock.now())).trouble;
}

function troubleOf(error: unknown, part: ConnectionPart, { smtp }: ConnectionProbeOptions) {
  if (part === 'graph-token' || part === 'exchange-token') return tokenFailure(error, part).trouble;
  if (part === 'graph' && error instanceof BridgeError) return networkFailure(error, part).trouble;
  if (error instanceof SmtpUpstreamError) {
    const { host, port } = smtp.endpoint;
    const timedOut = { stage: 'connect', systemCode: 'ETIMEDOUT' } as const;
    // Only its own timeout ends a probe.
    const failure = error.aborted ? new SmtpUpstreamError('No answer in time.', timedOut) : error;
    return upstreamFailure(failure, `${host}:${port}`).trouble;
  }
  return inTrouble(ownVerdict('upstream-unreachable', errorText(error)), part, true).trouble;
}
