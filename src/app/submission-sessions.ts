import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/schema.ts';
import type { Queue } from '../queue/queue.ts';
import type { SmtpConnectionInfo, SmtpSession } from '../smtp/session.ts';
import { deliverNow } from '../submission/direct-delivery.ts';
import { deliverWithinLimits } from '../submission/direct-limits.ts';
import type { DuplicateFilter } from '../submission/duplicate-filter.ts';
import { SubmissionSession } from '../submission/session.ts';
import { loginForSubmission, submissionAccount } from './accounts.ts';
import type { BridgeState } from './bridge-state.ts';
import { deliveryPolicy } from './delivery-policy.ts';
import type { Observation } from './observing/observation.ts';
import type { SentCopies } from './sent-copies.ts';

const megabyte = 1024 * 1024;

export interface SmtpListenerParts {
  readonly queue: Queue;
  readonly copies: SentCopies;
  readonly duplicates: DuplicateFilter;
  readonly observation: Observation;
  readonly clock: Clock;
  readonly log: Log;
  readonly hostname: string;
  readonly allowInsecureAuth: boolean;
  readonly offersStartTls: boolean;
  /** The state in force now; a reload changes it for open connections. */
  state(): BridgeState;
}

/** Opens the sessions of an SMTP listener. */
export function submissionSessions(parts: SmtpListenerParts): (connection: SmtpConnectionInfo) => SmtpSession {
  return (connection) => {
    const { config } = parts.state();
    return new SubmissionSession(connection, {
      hostname: parts.hostname,
      allowInsecureAuth: parts.allowInsecureAuth,
      offersStartTls: parts.offersStartTls,
      expireAfterMs: config.queue.expireAfterHours * 3_600_000,
      keepsSubjects: config.queue.keepSubjects,
      clock: parts.clock,
      log: parts.log,
      login: (credentials, remoteAddress) =>
        loginForSubmission(parts.state().directory, parts.log, credentials, remoteAddress),
      accountByNetwork(remoteAddress) {
        const account = parts.state().directory.byNetwork(remoteAddress);
        return account && submissionAccount(account);
      },
      maxMessage: () => maxMessage(config),
      assertRoom: (octets) => parts.queue.assertRoom(octets),
      spool: () => parts.queue.spool(),
      duplicates: parts.duplicates,
      async deliverNow(account, message, clientIsGone) {
        const { config, upstreams } = parts.state();
        const upstream = upstreams.get(account.connection);
        const policy = deliveryPolicy(config, account.username);
        const report = await deliverWithinLimits(parts.queue, account, message, (courier, message, signal) =>
          deliverNow({ upstream, account, courier, policy, message, signal, clock: parts.clock, clientIsGone }),
        );
        if (report.recipients.every(({ outcome }) => outcome === 'delivered')) {
          const { username, send } = account;
          parts.observation.deliveredDirectly({ ...message, account: username }, report.courier ?? send[0]);
        }
        await parts.copies.deliveredDirectly(parts.queue, { account, message, report });
        return report;
      },
    });
  };
}

/** The largest message that is accepted, and the setting behind that. */
export function maxMessage({ limits }: Config): { bytes: number; reason: string } {
  return { bytes: Math.floor(limits.maxMessageMegabytes * megabyte), reason: 'limits.maxMessageMegabytes' };
}

/** Logs unforeseen errors. */
export function smtpDefect(log: Log): (error: unknown, connection: SmtpConnectionInfo) => void {
  return (error, connection) =>
    log.error({ error, client: connection.remoteAddress }, 'unexpected error while serving an SMTP client');
}
