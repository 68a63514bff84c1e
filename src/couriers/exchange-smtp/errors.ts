import type { SmtpUpstreamError } from '../../exchange/smtp/error.ts';
import { formatSmtpReply, type UpstreamReply } from '../../exchange/smtp/reply.ts';
import { verdictOf } from '../known-refusal.ts';
import { connectionFailure } from '../network-errors.ts';
import { type CourierVerdict, inTrouble, ownVerdict, refusedLoginPauseMs } from '../verdict.ts';
import { loginRefusals } from './login-refusals.ts';
import { type ExchangeRefusalRow, exchangeRefusalRow } from './refusal-row.ts';
import { transactionRefusals } from './refusals.ts';

function replyVerdict(
  reply: UpstreamReply,
  byClass: CourierVerdict['outcome'],
  row: ExchangeRefusalRow | undefined,
): CourierVerdict {
  return {
    outcome: byClass,
    code: reply.enhanced ?? String(reply.code),
    text: formatSmtpReply(reply),
    ...(row && verdictOf(row)),
  };
}

/**
 * The verdict on a refusal of MAIL FROM, RCPT TO, DATA or the message; unknown replies are judged by their first digit.
 */
export function transactionRefusal(reply: UpstreamReply): CourierVerdict {
  const row = exchangeRefusalRow(transactionRefusals, reply);
  return replyVerdict(reply, reply.code >= 500 ? 'permanent' : 'temporary', row);
}

/**
 * The verdict on a refused login: never permanent, and the mailbox is paused. If several mailboxes get it, the
 * connection is to blame.
 */
export function loginRefusal(reply: UpstreamReply): CourierVerdict {
  const verdict = ofLogin(reply);
  // "Concurrent connections limit exceeded" concerns the mailbox.
  return reply.code === 432 || /concurrent/i.test(reply.text) ? verdict : inTrouble(verdict, 'smtp', false);
}

function ofLogin(reply: UpstreamReply): CourierVerdict {
  const byClass = reply.code >= 500 ? 'needs-admin' : 'temporary';
  const row = exchangeRefusalRow(loginRefusals, reply) ?? exchangeRefusalRow(transactionRefusals, reply);
  const verdict = replyVerdict(reply, byClass, row);
  const outcome = verdict.outcome === 'permanent' ? 'needs-admin' : verdict.outcome;
  return { pauseMailboxMs: refusedLoginPauseMs, ofCourier: true, ...verdict, outcome, scope: 'mailbox' };
}

/**
 * The verdict on a session or a transaction that failed as a whole.
 * @param peer host and port, `host:port`
 */
export function upstreamFailure(error: SmtpUpstreamError, peer: string): CourierVerdict {
  if (error.reply !== undefined) return refusal(error.stage, error.reply);
  if (error.stage === 'end-of-data') {
    return ownVerdict(
      'upstream-ambiguous',
      `No answer to the whole message; it may have been delivered: ${error.message}`,
    );
  }
  if (error.aborted) return ownVerdict('delivery-aborted', error.message);
  if (error.systemCode === 'EAUTH') {
    const verdict = ownVerdict('xoauth2-not-offered', error.message);
    return inTrouble({ ...verdict, pauseMailboxMs: refusedLoginPauseMs }, 'smtp', true);
  }
  if (error.systemCode === 'EMESSAGE') return ownVerdict('message-too-large-for-smtp', error.message);
  if (error.systemCode === 'ESTREAM') return ownVerdict('message-unreadable', error.message);
  const verdict = connectionFailure(error.systemCode, error.message, peer);
  if (error.stage !== 'connect' && error.stage !== 'login') return verdict;
  return inTrouble(verdict, 'smtp', error.stage === 'connect');
}

function refusal(stage: SmtpUpstreamError['stage'], reply: UpstreamReply): CourierVerdict {
  if (stage === 'login') return loginRefusal(reply);
  if (stage !== 'connect') return transactionRefusal(reply);
  // A server that rejects everybody says nothing about this message.
  const rows = transactionRefusals.filter((row) => row.outcome !== 'permanent');
  return inTrouble(replyVerdict(reply, 'temporary', exchangeRefusalRow(rows, reply)), 'smtp', true);
}
