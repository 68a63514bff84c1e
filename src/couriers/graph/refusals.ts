import { hourMs, type KnownRefusal, minuteMs, secondMs } from '../known-refusal.ts';
import { mailboxMayNotSendAs } from '../send-as-remedy.ts';
import { refusedLoginPauseMs } from '../verdict.ts';

/** Codes of Graph with the same meaning. */
export interface GraphRefusalRow extends KnownRefusal {
  /** `error.code` or `error.innerError.code` as Microsoft spells them; compared without case. */
  readonly codes: readonly string[];
  /** Enhanced status (RFC 3463) for delivery reports and SMTP replies. */
  readonly status: string;
}

const token: GraphRefusalRow = {
  codes: [
    'InvalidAuthenticationToken',
    'unauthenticated',
    'Authentication_ExpiredToken',
    'Authentication_MissingOrMalformed',
    'Authentication_Unauthorized',
    'ErrorTokenSerializationDenied',
  ],
  status: '5.7.8',
  meaning: 'Graph rejects the token.',
  outcome: 'needs-admin',
  scope: 'tenant',
  waitMs: refusedLoginPauseMs,
  ofCourier: true,
  remedy: 'Graph rejects the token. Check tenantId, clientId and cloud of the connection.',
};

const permission: GraphRefusalRow = {
  codes: [
    'ErrorAccessDenied',
    'accessDenied',
    'Authorization_RequestDenied',
    'Authorization_IdentityNotFound',
    'forbidden',
    'notAllowed',
    'ErrorImpersonateUserDenied',
    'ErrorImpersonationDenied',
  ],
  status: '5.7.1',
  meaning: 'The application or the person signed in may not send as this mailbox.',
  outcome: 'needs-admin',
  scope: 'mailbox',
  waitMs: refusedLoginPauseMs,
  ofCourier: true,
  remedy:
    'Grant the application Mail.Send (Microsoft Graph, application permission) with admin consent; if RBAC for Applications or an application access policy limits it, add the mailbox MAILBOX to its scope. A change can take two hours.',
};

const mailboxUnknown: GraphRefusalRow = {
  codes: [
    'ErrorInvalidUser',
    'ErrorItemNotFound',
    'itemNotFound',
    'ErrorNonExistentMailbox',
    'ErrorInvalidMailbox',
    'ErrorMissingEmailAddress',
    'ErrorNonPrimarySmtpAddress',
    'ResourceNotFound',
    'Request_ResourceNotFound',
  ],
  status: '5.7.8',
  meaning: 'The tenant does not have this mailbox.',
  outcome: 'needs-admin',
  scope: 'mailbox',
  waitMs: refusedLoginPauseMs,
  remedy:
    'Check mailbox of the account: MAILBOX must be the user principal name or primary address of a mailbox in this tenant.',
};

const throttled: GraphRefusalRow = {
  codes: [
    'ApplicationThrottled',
    'TooManyRequests',
    'MailboxConcurrency',
    'ErrorMessageThrottled',
    'ErrorExceededConnectionCount',
    'ErrorTooManyObjectsOpened',
    'activityLimitReached',
    'Request_ThrottledTemporarily',
  ],
  status: '4.3.2',
  meaning: 'Too many requests at a time, for the mailbox or for the application.',
  outcome: 'temporary',
  scope: 'mailbox',
  waitMs: 30 * secondMs,
  ofCourier: true,
  remedy: 'Graph throttles this mailbox or application. Lower limits.concurrentPerMailbox if it lasts.',
};

const mailboxFull: GraphRefusalRow = {
  codes: ['ErrorQuotaExceeded', 'QuotaExceededException', 'quotaLimitReached'],
  status: '5.2.2',
  meaning: 'The mailbox that sends is full.',
  outcome: 'needs-admin',
  scope: 'mailbox',
  waitMs: 10 * minuteMs,
  remedy: 'The mailbox is full, often because of Sent Items. Free space in it.',
};

const tooLarge: GraphRefusalRow = {
  codes: [
    'ErrorMessageSizeExceeded',
    'ErrorItemSizeExceeded',
    'ErrorAttachmentSizeLimitExceeded',
    'RequestEntityTooLarge',
    'MaximumRequestLengthExceeded',
  ],
  status: '5.3.4',
  meaning: 'The message or an attachment is larger than Graph or the mailbox accepts.',
  outcome: 'permanent',
  scope: 'message',
  ofCourier: true,
  remedy:
    'Set send of the account to smtp, which accepts up to 150 MB, and raise the limit of the mailbox: Set-Mailbox MAILBOX -MaxSendSize 150MB.',
};

const transient: GraphRefusalRow = {
  codes: [
    'ServiceUnavailable',
    'serviceNotAvailable',
    'generalException',
    'UnknownError',
    'InternalServerError',
    'Service_InternalServerError',
    'BadGateway',
    'ErrorInternalServerError',
    'ErrorInternalServerTransientError',
    'ErrorMailboxStoreUnavailable',
    'ErrorMailboxFailover',
    'MailboxInfoStale',
    'ErrorMessageTransientError',
    'ErrorMessageTimeout',
    'ErrorTimeoutExpired',
    'ErrorConnectionFailed',
    'ErrorClientDisconnected',
    'ErrorADUnavailable',
    'ErrorADOperation',
    'ErrorInsufficientResources',
    'ErrorNotEnoughMemory',
    'ErrorBatchProcessingStopped',
    'ErrorRightsManagementTransientException',
    'ErrorIrresolvableConflict',
    'ErrorStaleObject',
    'resourceModified',
  ],
  status: '4.3.0',
  meaning: 'Exchange or Graph has a problem, or was interrupted.',
  outcome: 'temporary',
  scope: 'message',
  remedy: 'No action is needed: the bridge tries again. If it lasts, look at https://status.cloud.microsoft.',
};

/**
 * Graph's codes. Those that begin with Error come from Exchange (Microsoft: "ResponseCode", Exchange Web Services
 * reference); the others from "Microsoft Graph error responses and resource types".
 */
export const graphRefusals: readonly GraphRefusalRow[] = [
  token,
  permission,
  mailboxUnknown,
  {
    codes: [
      'MailboxNotEnabledForRESTAPI',
      'MailboxNotSupportedForRESTAPI',
      'MailboxNotHostedInExchangeOnline',
      'ErrorMailboxConfiguration',
      'ErrorAccountDisabled',
    ],
    status: '5.7.8',
    meaning: 'The user has no mailbox that can be used in Exchange Online.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    remedy:
      'The mailbox MAILBOX is not in Exchange Online, has no licence, is disabled, or is not set up yet. Assign a licence, or name another mailbox.',
  },
  {
    codes: ['OrganizationFromTenantGuidNotFound', 'TenantNotFound', 'InvalidTenant'],
    status: '5.7.8',
    meaning: 'The tenant has no Exchange Online.',
    outcome: 'needs-admin',
    scope: 'tenant',
    waitMs: refusedLoginPauseMs,
    remedy: 'Check tenantId of the connection; the tenant needs a subscription that includes Exchange Online.',
  },
  {
    codes: ['ErrorPasswordExpired', 'ErrorPasswordChangeRequired'],
    status: '5.7.8',
    meaning: 'The password of the mailbox must be changed.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    remedy: 'Change the password, then sign in again with "mailbridge login".',
  },
  mailboxFull,
  {
    codes: [
      'ErrorAccountSuspend',
      'ErrorAccountSuspendShowTierUpgrade',
      'ErrorMessageBlocked',
      'ErrorMessageSubmissionBlocked',
    ],
    status: '5.1.8',
    meaning: 'Microsoft has blocked the mailbox from sending, because of spam or something that looks like it.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: 15 * minuteMs,
    remedy:
      'Microsoft has blocked the mailbox from sending. Find and stop what made it suspicious, then lift the block in the Defender portal under Restricted entities.',
  },
  {
    codes: [
      'ErrorExceededMessageLimit',
      'ErrorExceededMessageLimitShowTierUpgrade',
      'ErrorExceededHourlyMessageLimit',
      'ErrorSubmissionQuotaExceeded',
    ],
    status: '4.2.2',
    meaning: 'The mailbox has reached a sending limit (10,000 recipients a day).',
    outcome: 'temporary',
    scope: 'mailbox',
    waitMs: hourMs,
    ofCourier: true,
    remedy:
      'The mailbox has reached its daily limit of messages or recipients (10,000). Spread the load over more mailboxes.',
  },
  throttled,
  {
    codes: ['ErrorServerBusy'],
    status: '4.3.2',
    meaning: 'Exchange is busy, or throttles this mailbox.',
    outcome: 'temporary',
    scope: 'mailbox',
    waitMs: 30 * secondMs,
    ofCourier: true,
    remedy: 'No action is needed: the bridge tries again.',
  },
  {
    codes: ['ErrorMailboxMoveInProgress'],
    status: '4.2.1',
    meaning: 'Microsoft is moving the mailbox to another server.',
    outcome: 'temporary',
    scope: 'mailbox',
    waitMs: 5 * minuteMs,
    remedy: 'No action is needed: the bridge tries again.',
  },
  transient,
  {
    codes: ['ErrorSendAsDenied'],
    status: '5.7.1',
    meaning: 'From names an address that the mailbox may not send as.',
    outcome: 'permanent',
    scope: 'message',
    remedy: mailboxMayNotSendAs,
  },
  {
    codes: ['ErrorInvalidRecipients', 'ErrorInvalidSmtpAddress'],
    status: '5.1.3',
    meaning: 'A recipient is not a valid address, or there is none.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'A recipient in To, Cc or the envelope is not a valid address. Correct it in the sending program.',
  },
  {
    codes: ['ErrorExceededMaxRecipientLimit', 'ErrorRecipientLimitExceeded'],
    status: '5.5.3',
    meaning: 'The message has more recipients than the mailbox may have.',
    outcome: 'permanent',
    scope: 'message',
    remedy:
      'Raise the limit of the mailbox (Set-Mailbox MAILBOX -RecipientLimits 1000), or send to fewer recipients at a time.',
  },
  {
    codes: [
      'ErrorMimeContentInvalid',
      'ErrorMimeContentConversionFailed',
      'ErrorContentConversionFailed',
      'ErrorCorruptData',
    ],
    status: '5.6.0',
    meaning: 'Graph cannot read the message.',
    outcome: 'permanent',
    scope: 'message',
    ofCourier: true,
    remedy: 'Graph cannot read the message. Set send of the account to smtp, or correct the sending program.',
  },
  {
    codes: [
      'ErrorMimeContentInvalidBase64String',
      'ErrorInvalidRequest',
      'ErrorInvalidArgument',
      'ErrorInvalidParameter',
      'ErrorMissingArgument',
      'ErrorInvalidIdMalformed',
      'ErrorSchemaValidation',
      'RequestBodyRead',
      'BadRequest',
      'Request_BadRequest',
      'invalidRequest',
      'invalidRange',
      'notSupported',
    ],
    status: '5.6.0',
    meaning: 'Graph could not parse the request.',
    outcome: 'permanent',
    scope: 'message',
    ofCourier: true,
    remedy:
      'Graph cannot read the message. Set send of the account to smtp, and report this as a defect of mailbridge.',
  },
  {
    codes: ['malwareDetected', 'ErrorVirusDetected', 'ErrorVirusMessageDeleted'],
    status: '5.7.1',
    meaning: 'Microsoft found malware in the message.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'Look at the machine that sent it.',
  },
  {
    codes: ['ErrorRightsManagementPermanentException'],
    status: '5.7.1',
    meaning: 'A protection rule of the tenant forbids the message.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'Look at the mail flow and protection rules of the tenant.',
  },
  tooLarge,
];

/** The meaning of the HTTP status if the code is unknown. */
export const graphStatuses: Readonly<Record<number, GraphRefusalRow>> = {
  401: token,
  403: permission,
  404: mailboxUnknown,
  408: transient,
  413: tooLarge,
  423: transient,
  429: throttled,
  507: mailboxFull,
};

const rowsByCode = new Map(graphRefusals.flatMap((row) => row.codes.map((code) => [code.toLowerCase(), row])));

/** The row of a code, in any case. */
export function graphRefusalRow(code: string): GraphRefusalRow | undefined {
  // "CompactToken parsing failed with error code: 80049217" is used as a code of its own.
  return /^compacttoken/i.test(code) ? token : rowsByCode.get(code.toLowerCase());
}
