import { SmtpUpstreamError } from '../../exchange/smtp/error.ts';
import { probeSmtp } from '../../exchange/smtp/probe.ts';
import type { ConnectionTrouble } from '../../message/delivery.ts';
import type { UpstreamAccess } from '../descriptor.ts';
import { probeTimeoutMs, unforeseenTrouble } from '../probe-trouble.ts';
import { upstreamFailure } from './errors.ts';

/** Whether the server accepts connections and secures them: that needs no login. */
export async function probe(access: UpstreamAccess): Promise<ConnectionTrouble | undefined> {
  try {
    const options = { ...access.sessions, endpoint: access.endpoints.smtp, connectTimeoutMs: probeTimeoutMs };
    await probeSmtp(options, AbortSignal.timeout(probeTimeoutMs));
    return undefined;
  } catch (error) {
    if (!(error instanceof SmtpUpstreamError)) return unforeseenTrouble(error, 'smtp');
    const { host, port } = access.endpoints.smtp;
    const timedOut = { stage: 'connect', systemCode: 'ETIMEDOUT' } as const;
    // Only its own timeout ends a probe.
    const failure = error.aborted ? new SmtpUpstreamError('No answer in time.', timedOut) : error;
    return upstreamFailure(failure, `${host}:${port}`).trouble;
  }
}
