import type { SmtpUpstreamError } from '../exchange/smtp-error.ts';
import { formatSmtpReply, type SmtpReply } from '../exchange/smtp-reply.ts';
import { connectionFailure } from './network-errors.ts';
import { ownVerdict, refusedLoginPauseMs, type Verdict } from './verdict.ts';

/** A reply of Exchange Online that says more, or something else, than its first digit. */
interface KnownReply {
  readonly code?: number;
  /** Of the enhanced status, whole. */
  readonly enhanced?: RegExp;
  readonly text?: RegExp;
  readonly outcome: Verdict['outcome'];
  readonly remedy?: string;
  readonly pauseMailboxMs?: number;
}

const secondsMs = 1_000;
const minutesMs = 60 * secondsMs;
const hourMs = 60 * minutesMs;

const sendAsRemedy =
  'Let the account send as its own mailbox, or give the mailbox the right: Add-RecipientPermission ADDRESS -Trustee MAILBOX -AccessRights SendAs.';
const permissionRemedy =
  'Check the mailbox name, the service principal (New-ServicePrincipal with the Object ID of the enterprise application) and its permission on the mailbox (Add-MailboxPermission -AccessRights FullAccess, or the role Application SMTP.SendAsApp). A change can take two hours.';
const blockedRemedy =
  'Microsoft has blocked the account or the tenant for spam. Find and stop its source, then lift the block in the Defender portal under Restricted entities.';

/**
 * Replies to AUTH. None of them says anything about a message, so none of them is permanent.
 * The first row that fits decides.
 */
const loginReplies: readonly KnownReply[] = [
  {
    enhanced: /^5\.7\.139$/,
    text: /SmtpClientAuthentication is disabled/i,
    outcome: 'needs-admin',
    remedy:
      'SMTP AUTH is switched off, for OAuth too. Run Set-CASMailbox MAILBOX -SmtpClientAuthenticationDisabled $false, or set send of the account to graph.',
  },
  {
    enhanced: /^5\.7\.139$/,
    text: /security defaults/i,
    outcome: 'needs-admin',
    remedy:
      'Security defaults lock the user out. Use an app-only connection, or replace security defaults by Conditional Access.',
  },
  {
    enhanced: /^5\.7\.139$/,
    text: /basic authentication is disabled/i,
    outcome: 'needs-admin',
    remedy: 'The server took the login for one with a password. Check the SMTP endpoint of the connection.',
  },
  {
    enhanced: /^5\.7\.139$/,
    outcome: 'needs-admin',
    remedy:
      'A Conditional Access or authentication policy refuses the login. Exempt the application or the mailbox from it.',
  },
  {
    enhanced: /^5\.5\.124$/,
    outcome: 'needs-admin',
    remedy: 'The server could not read the login. Check that mailbox of the account is a user principal name.',
  },
  { code: 535, outcome: 'needs-admin', remedy: permissionRemedy },
];

/** Replies to MAIL FROM, RCPT TO, DATA and the message. The first row that fits decides. */
const transactionReplies: readonly KnownReply[] = [
  {
    enhanced: /^5\.7\.57$/,
    outcome: 'needs-admin',
    remedy: 'The server did not see a login. Check host and port of the SMTP endpoint.',
    pauseMailboxMs: refusedLoginPauseMs,
  },
  {
    code: 530,
    outcome: 'needs-admin',
    remedy: 'The server wants a login or TLS first. Check the SMTP endpoint.',
    pauseMailboxMs: refusedLoginPauseMs,
  },
  { enhanced: /^5\.7\.60$/, outcome: 'permanent', remedy: sendAsRemedy },
  { enhanced: /^5\.2\.252$/, outcome: 'permanent', remedy: sendAsRemedy },
  { text: /SendAsDenied/i, outcome: 'permanent', remedy: sendAsRemedy },
  {
    text: /mailbox logon failure|MapiExceptionLogonFailed/i,
    outcome: 'needs-admin',
    remedy: permissionRemedy,
    pauseMailboxMs: refusedLoginPauseMs,
  },
  {
    code: 432,
    outcome: 'temporary',
    remedy:
      'Another program sends as this mailbox too, or limits.concurrentPerMailbox is above what Exchange Online allows (3).',
    pauseMailboxMs: 10 * secondsMs,
  },
  {
    text: /concurrent connections limit|sender thread limit/i,
    outcome: 'temporary',
    remedy:
      'Another program sends as this mailbox too, or limits.concurrentPerMailbox is above what Exchange Online allows (3).',
    pauseMailboxMs: 10 * secondsMs,
  },
  {
    text: /SubmissionQuotaExceeded|submission quota exceeded/i,
    outcome: 'temporary',
    remedy: 'The mailbox has reached 10,000 recipients a day. Spread the load over more mailboxes.',
    pauseMailboxMs: hourMs,
  },
  {
    enhanced: /^5\.1\.90$/,
    outcome: 'temporary',
    remedy: 'The mailbox has reached its recipients a day. Spread the load over more mailboxes.',
    pauseMailboxMs: hourMs,
  },
  {
    // No pause: recipients within the tenant are not counted, and still get their mail.
    enhanced: /^5\.7\.23[23]$/,
    outcome: 'temporary',
    remedy:
      'The tenant has reached its external recipients a day (Tenant External Recipient Rate Limit). Wait, or add licences.',
  },
  {
    enhanced: /^5\.2\.2$/,
    outcome: 'needs-admin',
    remedy: 'The mailbox is full, often by its Sent Items. Make room in it.',
    pauseMailboxMs: 10 * minutesMs,
  },
  {
    text: /STOREDRV.*[^n]QuotaExceededException/i,
    outcome: 'needs-admin',
    remedy: 'The mailbox is full, often by its Sent Items. Make room in it.',
    pauseMailboxMs: 10 * minutesMs,
  },
  {
    enhanced: /^4\.5\.3$/,
    outcome: 'temporary',
    remedy: 'Too many recipients at once; the rest is sent in another transaction.',
  },
  {
    enhanced: /^4\.7\.(?:[56]\d\d|8[5-9]\d)$/,
    outcome: 'temporary',
    remedy:
      'Microsoft throttles this sender or this address as suspicious. It lifts by itself; a sign-in problem shows in the Defender portal.',
    pauseMailboxMs: 10 * minutesMs,
  },
  { enhanced: /^5\.7\.50[123]$/, outcome: 'needs-admin', remedy: blockedRemedy, pauseMailboxMs: 15 * minutesMs },
  { enhanced: /^5\.1\.8$/, outcome: 'needs-admin', remedy: blockedRemedy, pauseMailboxMs: 15 * minutesMs },
  { enhanced: /^5\.7\.70[58]$/, outcome: 'needs-admin', remedy: blockedRemedy, pauseMailboxMs: 15 * minutesMs },
  {
    enhanced: /^5\.7\.512$/,
    outcome: 'permanent',
    remedy: 'The From header has no valid address. Correct it in the program that sends.',
  },
  {
    enhanced: /^5\.6\.11$/,
    outcome: 'permanent',
    remedy: 'The message holds characters that SMTP does not carry. Correct the program that sends.',
  },
  {
    enhanced: /^5\.5\.105$/,
    outcome: 'needs-admin',
    remedy: 'A High Volume Email account reaches internal recipients alone. Use an ordinary mailbox.',
  },
  {
    enhanced: /^5\.3\.4$/,
    outcome: 'permanent',
    remedy: 'The message is larger than the mailbox may send (Set-Mailbox -MaxSendSize). Send it smaller.',
  },
  {
    code: 552,
    outcome: 'permanent',
    remedy: 'The message is larger than the mailbox may send (Set-Mailbox -MaxSendSize). Send it smaller.',
  },
  {
    enhanced: /^4\.7\.66$/,
    outcome: 'needs-admin',
    remedy: 'The server found the TLS version too old. Something between the bridge and Microsoft lowers it.',
    pauseMailboxMs: 10 * minutesMs,
  },
  // "Bad sequence of commands" speaks of the session, not of the message.
  { code: 503, outcome: 'temporary' },
];

function known(table: readonly KnownReply[], reply: SmtpReply): KnownReply | undefined {
  return table.find(
    (row) =>
      (row.code === undefined || row.code === reply.code) &&
      (row.enhanced === undefined || row.enhanced.test(reply.enhanced ?? '')) &&
      (row.text === undefined || row.text.test(reply.text)),
  );
}

function replyVerdict(reply: SmtpReply, byClass: Verdict['outcome'], row: Partial<KnownReply> = {}): Verdict {
  return {
    outcome: row.outcome ?? byClass,
    code: reply.enhanced ?? String(reply.code),
    text: formatSmtpReply(reply),
    ...(row.remedy !== undefined && { remedy: row.remedy }),
    ...(row.pauseMailboxMs !== undefined && { pauseMailboxMs: row.pauseMailboxMs }),
  };
}

/** The verdict on a refusal of MAIL FROM, RCPT TO, DATA or the message; unknown ones by their first digit. */
export function transactionRefusal(reply: SmtpReply): Verdict {
  return replyVerdict(reply, reply.code >= 500 ? 'permanent' : 'temporary', known(transactionReplies, reply));
}

/** The verdict on a refused login: never permanent, and the mailbox rests. */
export function loginRefusal(reply: SmtpReply): Verdict {
  const byClass = reply.code >= 500 ? 'needs-admin' : 'temporary';
  const row = known(loginReplies, reply) ?? known(transactionReplies, reply);
  const verdict = replyVerdict(reply, byClass, row);
  const outcome = verdict.outcome === 'permanent' ? 'needs-admin' : verdict.outcome;
  return { pauseMailboxMs: refusedLoginPauseMs, ...verdict, outcome };
}

/**
 * The verdict on a session or a transaction that failed as a whole.
 * @param peer host and port, `host:port`
 */
export function upstreamFailure(error: SmtpUpstreamError, peer: string): Verdict {
  if (error.reply !== undefined) return refusal(error.stage, error.reply);
  if (error.stage === 'end-of-data') {
    return ownVerdict(
      'upstream-ambiguous',
      `No answer to the whole message; it may have been delivered: ${error.message}`,
    );
  }
  if (error.aborted) return ownVerdict('delivery-aborted', error.message);
  if (error.systemCode === 'EAUTH') {
    return { ...ownVerdict('xoauth2-not-offered', error.message), pauseMailboxMs: refusedLoginPauseMs };
  }
  if (error.systemCode === 'EMESSAGE') return ownVerdict('message-too-large-for-smtp', error.message);
  if (error.systemCode === 'ESTREAM') return ownVerdict('message-unreadable', error.message);
  return connectionFailure(error.systemCode, error.message, peer);
}

function refusal(stage: SmtpUpstreamError['stage'], reply: SmtpReply): Verdict {
  if (stage === 'login') return loginRefusal(reply);
  if (stage !== 'connect') return transactionRefusal(reply);
  // A server that turns everybody away says nothing about this message.
  return replyVerdict(
    reply,
    'temporary',
    known(
      transactionReplies.filter((row) => row.outcome !== 'permanent'),
      reply,
    ),
  );
}
