import type { GraphError } from '../graph/graph-error.ts';
import { ownVerdict, refusedLoginPauseMs, type Verdict } from './verdict.ts';

/** What an error code of Graph means for a message. */
interface KnownCode {
  readonly outcome: Verdict['outcome'];
  readonly remedy?: string;
  /** Retry-After, where Graph gives one, comes before it. */
  readonly pauseMailboxMs?: number;
}

const minutesMs = 60_000;
const hourMs = 60 * minutesMs;

const token: KnownCode = {
  outcome: 'needs-admin',
  remedy: 'Graph refuses the token. Check tenantId, clientId and cloud of the connection.',
  pauseMailboxMs: refusedLoginPauseMs,
};
const permission: KnownCode = {
  outcome: 'needs-admin',
  remedy:
    'Grant the application Mail.Send (Microsoft Graph, application permission) with admin consent; where RBAC for Applications or an application access policy limits it, take the mailbox into its scope. A change can take two hours.',
  pauseMailboxMs: refusedLoginPauseMs,
};
const mailboxUnknown: KnownCode = {
  outcome: 'needs-admin',
  remedy:
    'Check mailbox of the account: it has to be the user principal name or primary address of a mailbox in this tenant.',
  pauseMailboxMs: refusedLoginPauseMs,
};
const mailboxUnlicensed: KnownCode = {
  outcome: 'needs-admin',
  remedy:
    'The mailbox is not in Exchange Online, has no licence, or is not set up yet. Assign a licence, or name another mailbox.',
  pauseMailboxMs: refusedLoginPauseMs,
};
const mailboxFull: KnownCode = {
  outcome: 'needs-admin',
  remedy: 'The mailbox is full, often by its Sent Items. Make room in it.',
  pauseMailboxMs: 10 * minutesMs,
};
const blocked: KnownCode = {
  outcome: 'needs-admin',
  remedy:
    'Microsoft has blocked the mailbox from sending. Find and stop what made it suspicious, then lift the block in the Defender portal under Restricted entities.',
  pauseMailboxMs: 15 * minutesMs,
};
const quota: KnownCode = {
  outcome: 'temporary',
  remedy: 'The mailbox has reached its messages or recipients a day (10,000). Spread the load over more mailboxes.',
  pauseMailboxMs: hourMs,
};
const throttled: KnownCode = {
  outcome: 'temporary',
  remedy: 'Graph throttles this mailbox or application. Lower limits.concurrentPerMailbox if it lasts.',
  pauseMailboxMs: 30_000,
};
const tooLarge: KnownCode = {
  outcome: 'permanent',
  remedy: 'Set send of the account to smtp, which takes up to 150 MB.',
};
const transient: KnownCode = { outcome: 'temporary' };

/** Codes by their name in lower case. Outlook's own codes are those of Exchange Web Services ("ResponseCode"). */
const knownCodes: Readonly<Record<string, KnownCode>> = {
  invalidauthenticationtoken: token,
  unauthenticated: token,
  authentication_missingormalformed: token,

  erroraccessdenied: permission,
  accessdenied: permission,
  authorization_requestdenied: permission,
  authorization_identitynotfound: permission,
  forbidden: permission,

  erroritemnotfound: mailboxUnknown,
  errorinvaliduser: mailboxUnknown,
  errornonexistentmailbox: mailboxUnknown,
  errorinvalidmailbox: mailboxUnknown,
  resourcenotfound: mailboxUnknown,
  request_resourcenotfound: mailboxUnknown,

  mailboxnotenabledforrestapi: mailboxUnlicensed,
  mailboxnotsupportedforrestapi: mailboxUnlicensed,
  mailboxnothostedinexchangeonline: mailboxUnlicensed,
  erroraccountdisabled: mailboxUnlicensed,

  errorquotaexceeded: mailboxFull,
  quotaexceededexception: mailboxFull,

  erroraccountsuspend: blocked,
  erroraccountsuspendshowtierupgrade: blocked,
  errormessageblocked: blocked,
  errormessagesubmissionblocked: blocked,

  errorexceededmessagelimit: quota,
  errorexceededmessagelimitshowtierupgrade: quota,
  errorexceededhourlymessagelimit: quota,
  errorsubmissionquotaexceeded: quota,

  applicationthrottled: throttled,
  toomanyrequests: throttled,
  mailboxconcurrency: throttled,
  errormessagethrottled: throttled,
  activitylimitreached: throttled,

  errormailboxmoveinprogress: { outcome: 'temporary', pauseMailboxMs: 5 * minutesMs },
  errorserverbusy: { outcome: 'temporary', pauseMailboxMs: 30_000 },
  serviceunavailable: transient,
  servicenotavailable: transient,
  errormailboxstoreunavailable: transient,
  errorinternalservererror: transient,
  errorinternalservertransienterror: transient,
  errormessagetransienterror: transient,
  errormessagetimeout: transient,
  errortimeoutexpired: transient,
  errorconnectionfailed: transient,
  unknownerror: transient,

  errorsendasdenied: {
    outcome: 'permanent',
    remedy:
      'From names an address the mailbox may not send as. Let the program send as the mailbox, or run Add-RecipientPermission ADDRESS -Trustee MAILBOX -AccessRights SendAs.',
  },
  errorinvalidrecipients: {
    outcome: 'permanent',
    remedy: 'A recipient in To, Cc or the envelope is no valid address. Correct it in the program that sends.',
  },
  errorexceededmaxrecipientlimit: {
    outcome: 'permanent',
    remedy:
      'The message has more recipients than the mailbox may have (Set-Mailbox -RecipientLimits). Send it to fewer at a time.',
  },
  errormimecontentinvalid: {
    outcome: 'permanent',
    remedy: 'Graph cannot read the message. Set send of the account to smtp, or correct the program that sends.',
  },
  errormimecontentinvalidbase64string: {
    outcome: 'permanent',
    remedy:
      'Graph cannot read the message. Set send of the account to smtp, and report this as a defect of mailbridge.',
  },
  errormessagesizeexceeded: tooLarge,
  erroritemsizeexceeded: tooLarge,
  requestentitytoolarge: tooLarge,
  maximumrequestlengthexceeded: tooLarge,
};

/** Where the code is not known, the status decides. */
const knownStatuses: Readonly<Record<number, KnownCode>> = {
  401: token,
  403: permission,
  404: mailboxUnknown,
  408: transient,
  413: tooLarge,
  423: transient,
  429: throttled,
  507: mailboxFull,
};

/** The verdict on a refusal of Graph. */
export function graphRefusal(error: GraphError): Verdict {
  const upstreamId = error.requestId === undefined ? {} : { upstreamId: error.requestId };
  const text = `${error.status} ${error.code}: ${error.message}`;
  if (error.status === 504) {
    const doubt = ownVerdict('upstream-ambiguous', `It may have been delivered: ${text}`);
    return { ...doubt, ...pauseOf(error.retryAfterMs), ...upstreamId };
  }
  const known = lookUp(error);
  return {
    outcome: known.outcome,
    code: error.code,
    text,
    ...(known.remedy !== undefined && { remedy: known.remedy }),
    ...pauseOf(error.retryAfterMs ?? known.pauseMailboxMs),
    ...upstreamId,
  };
}

function lookUp({ code, innerCode, status }: GraphError): KnownCode {
  // "CompactToken parsing failed with error code: 80049217" is used as a code of its own.
  if (/^compacttoken/i.test(code)) return token;
  const byCode = knownCodes[code.toLowerCase()] ?? knownCodes[innerCode?.toLowerCase() ?? ''];
  if (byCode !== undefined) return byCode;
  return knownStatuses[status] ?? { outcome: status >= 500 || status < 400 ? 'temporary' : 'permanent' };
}

function pauseOf(pauseMailboxMs: number | undefined): { pauseMailboxMs?: number } {
  return pauseMailboxMs === undefined ? {} : { pauseMailboxMs };
}
