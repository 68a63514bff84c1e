import { hourMs, minuteMs, secondMs } from '../known-refusal.ts';
import { mailboxMayNotSendAs } from '../send-as-remedy.ts';
import { refusedLoginPauseMs } from '../verdict.ts';
import { type ExchangeRefusalRow, permissionRemedy } from './refusal-row.ts';

const sendAsDenied = {
  meaning: 'The mailbox may not send as the address in From, or as the reverse-path.',
  outcome: 'permanent',
  scope: 'message',
  remedy: mailboxMayNotSendAs,
} as const;

const concurrency = {
  meaning: 'More than three connections send as the mailbox at once.',
  outcome: 'temporary',
  scope: 'mailbox',
  waitMs: 10 * secondMs,
  ofCourier: true,
  remedy:
    'Another program sends as this mailbox too, or limits.concurrentPerMailbox is above what Exchange Online allows (3).',
} as const;

const submissionQuota = {
  meaning: 'The mailbox has reached its daily limit of recipients.',
  outcome: 'temporary',
  scope: 'mailbox',
  waitMs: hourMs,
  ofCourier: true,
  remedy: 'The mailbox has reached its daily limit of recipients (10,000). Spread the load over more mailboxes.',
} as const;

const mailboxFull = {
  meaning: 'The mailbox that sends is full.',
  outcome: 'needs-admin',
  scope: 'mailbox',
  waitMs: 10 * minuteMs,
  remedy: 'The mailbox is full, often because of Sent Items. Free space in it.',
} as const;

const blocked = {
  outcome: 'needs-admin',
  waitMs: 15 * minuteMs,
  remedy:
    'Microsoft has blocked the account or the tenant for spam. Find and stop its source, then lift the block in the Defender portal under Restricted entities.',
} as const;

const tooLarge = {
  meaning: 'The message is larger than the mailbox may send.',
  outcome: 'permanent',
  scope: 'message',
  remedy:
    'The message is larger than the mailbox may send. Raise the limit (Set-Mailbox MAILBOX -MaxSendSize 150MB), or make the message smaller.',
} as const;

const recipientUnknown = {
  meaning: 'There is no such recipient.',
  outcome: 'permanent',
  scope: 'recipient',
  remedy: 'Correct the address in the sending program.',
} as const;

const recipientRestricted = {
  meaning: 'The recipient does not accept mail from this sender.',
  outcome: 'permanent',
  scope: 'recipient',
  remedy: 'Ask the owner of the group or mailbox to let MAILBOX send to it.',
} as const;

/**
 * Replies to MAIL FROM, RCPT TO, DATA and the message (Microsoft: "Email non-delivery reports and SMTP errors in
 * Exchange Online", "Sending limits", and observed replies).
 */
export const transactionRefusals: readonly ExchangeRefusalRow[] = [
  {
    reply: '530 5.7.57 Client was not authenticated to send anonymous mail',
    enhanced: /^5\.7\.57$/,
    meaning: 'The server did not see a login.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: 'The server did not see a login. Check host and port of the SMTP endpoint.',
  },
  {
    reply: '530',
    code: 530,
    meaning: 'The server requires a login or TLS first.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: 'The server requires a login or TLS first. Check the SMTP endpoint.',
  },
  {
    reply: '550 5.7.60 Client does not have permissions to send as this sender',
    enhanced: /^5\.7\.60$/,
    ...sendAsDenied,
  },
  { reply: '554 5.2.252 SendAsDenied', enhanced: /^5\.2\.252$/, ...sendAsDenied },
  { reply: '554 5.2.0 STOREDRV … SendAsDenied', text: /SendAsDenied/i, ...sendAsDenied },
  {
    reply: '430 4.2.0 STOREDRV; mailbox logon failure … MapiExceptionLogonFailed',
    text: /mailbox logon failure|MapiExceptionLogonFailed/i,
    meaning: 'The application has no permission on the mailbox, although its login was accepted.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: permissionRemedy,
  },
  { reply: '432 4.3.2 Concurrent connections limit exceeded', code: 432, ...concurrency },
  {
    reply: 'STOREDRV.ClientSubmit; sender thread limit exceeded',
    text: /concurrent (?:server )?connections .*limit|sender thread limit/i,
    ...concurrency,
  },
  {
    reply: '554 5.2.0 SubmissionQuotaExceededException, 5.2.2 Submission quota exceeded',
    text: /SubmissionQuotaExceeded|submission quota exceeded/i,
    ...submissionQuota,
  },
  { reply: '550 5.1.90 daily limit for message recipients', enhanced: /^5\.1\.90$/, ...submissionQuota },
  {
    // Recipients within the tenant are not counted, and still get their mail.
    reply: '550 5.7.232, 5.7.233 external recipients of the tenant',
    enhanced: /^5\.7\.23[23]$/,
    meaning: 'The tenant has reached its daily limit of external recipients.',
    outcome: 'temporary',
    scope: 'tenant',
    waitMs: hourMs,
    mailboxGoesOn: true,
    remedy:
      'The tenant has reached its daily limit of external recipients (Tenant External Recipient Rate Limit). Wait, or add licences.',
  },
  { reply: '554 5.2.2 mailbox full', enhanced: /^5\.2\.2$/, ...mailboxFull },
  {
    reply: '554 5.2.0 STOREDRV … QuotaExceededException',
    text: /STOREDRV.*[^n]QuotaExceededException/i,
    ...mailboxFull,
  },
  {
    reply: '452 4.5.3 Too many recipients',
    enhanced: /^4\.5\.3$/,
    meaning: 'More than 200 recipients of one domain, or more in total than one transaction accepts.',
    outcome: 'temporary',
    scope: 'recipient',
    remedy: 'Too many recipients at once; the rest is sent in another transaction.',
  },
  {
    reply: '550 5.5.3 Too many recipients',
    enhanced: /^5\.5\.3$/,
    meaning: 'The message has more recipients than the mailbox may have.',
    outcome: 'permanent',
    scope: 'message',
    remedy:
      'Raise the limit of the mailbox (Set-Mailbox MAILBOX -RecipientLimits 1000), or send to fewer recipients at a time.',
  },
  {
    reply: '450, 451 4.7.500-699, 4.7.850-899 Access denied, please try again later; Server busy',
    enhanced: /^4\.7\.(?:[56]\d\d|8[5-9]\d)$/,
    meaning: 'Microsoft throttles the sender or the address of this machine as suspicious.',
    outcome: 'temporary',
    scope: 'mailbox',
    waitMs: 10 * minuteMs,
    ofCourier: true,
    remedy:
      'Microsoft throttles this sender or this address as suspicious. This ends by itself; a sign-in problem shows in the Defender portal.',
  },
  {
    reply: '550 5.7.501, 5.7.502, 5.7.503 Access denied, spam abuse detected; banned sender',
    enhanced: /^5\.7\.50[123]$/,
    meaning: 'Microsoft has blocked the mailbox for spam.',
    scope: 'mailbox',
    ...blocked,
  },
  {
    reply: '550 5.1.8 Access denied, bad outbound sender',
    enhanced: /^5\.1\.8$/,
    meaning: 'Microsoft has blocked the mailbox for spam.',
    scope: 'mailbox',
    ...blocked,
  },
  {
    reply: '550 5.7.750 Client blocked from sending from unregistered domains',
    enhanced: /^5\.7\.750$/,
    meaning: 'The tenant sends a lot of mail from domains that it has not registered.',
    outcome: 'needs-admin',
    scope: 'tenant',
    waitMs: 15 * minuteMs,
    remedy: 'Add the domain of the sender to the accepted domains of the tenant, or send as an address that is in one.',
  },
  {
    reply: '550 5.7.700-749 (5.7.705, 5.7.708) Access denied, tenant has exceeded threshold',
    enhanced: /^5\.7\.7[0-4]\d$/,
    meaning: 'Microsoft has blocked the tenant for spam.',
    scope: 'tenant',
    ...blocked,
  },
  {
    reply: '550 5.7.606-649 Access denied, banned sending IP',
    enhanced: /^5\.7\.6(?:0[6-9]|[1-4]\d)$/,
    meaning: 'The address of this machine is on a block list of Microsoft.',
    outcome: 'needs-admin',
    scope: 'tenant',
    waitMs: 15 * minuteMs,
    ofCourier: true,
    remedy: 'Ask Microsoft to take the address off the list: https://sender.office.com.',
  },
  {
    reply: '550 5.7.512 message must be RFC 5322 section 3.6.2 compliant',
    enhanced: /^5\.7\.512$/,
    meaning: 'From has no valid address.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'The From header has no valid address. Correct it in the sending program.',
  },
  {
    reply: '550 5.1.20 Multiple From addresses are not allowed without Sender address',
    enhanced: /^5\.1\.20$/,
    meaning: 'From names several addresses, and no Sender says which of them sent it.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'Let the program name one address in From, or set forceFrom of the account.',
  },
  {
    reply: '550 5.6.11 Invalid characters',
    enhanced: /^5\.6\.11$/,
    meaning: 'The message contains a bare line feed or another character that SMTP does not carry.',
    outcome: 'permanent',
    scope: 'message',
    remedy: 'The message contains characters that SMTP does not carry. Correct the sending program.',
  },
  {
    reply: '550 5.5.105 External sending is not supported for High Volume Email accounts',
    enhanced: /^5\.5\.105$/,
    meaning: 'A High Volume Email account may not send to external recipients.',
    outcome: 'needs-admin',
    scope: 'recipient',
    remedy: 'A High Volume Email account reaches only internal recipients. Use an ordinary mailbox.',
  },
  { reply: '5.3.4 Message size exceeds fixed maximum message size', enhanced: /^5\.3\.4$/, ...tooLarge },
  { reply: '552', code: 552, ...tooLarge },
  {
    reply: '421 4.7.66 TLS 1.0 and 1.1 are not supported',
    enhanced: /^4\.7\.66$/,
    meaning: 'The server rejects the TLS version as too old.',
    outcome: 'needs-admin',
    scope: 'tenant',
    waitMs: 10 * minuteMs,
    ofCourier: true,
    remedy:
      'The server rejects the TLS version as too old. A proxy or firewall between the bridge and Microsoft lowers it.',
  },
  {
    reply: '550 5.7.54, 5.7.64 Unable to relay; relay access denied',
    enhanced: /^5\.7\.(?:54|64)$/,
    meaning: 'The server treats this connection as external.',
    outcome: 'needs-admin',
    scope: 'tenant',
    waitMs: 10 * minuteMs,
    ofCourier: true,
    remedy:
      'Check host and port of the SMTP endpoint: smtp.office365.com, port 587. Port 25 of an Exchange host is not for client submission.',
  },
  { reply: '550 5.1.1, 5.1.10 recipient not found', enhanced: /^5\.1\.(?:1|10)$/, ...recipientUnknown },
  {
    reply: '501, 550 5.1.3 Invalid address',
    enhanced: /^5\.1\.3$/,
    ...recipientUnknown,
    meaning: 'The recipient is not a valid address.',
  },
  {
    reply: '550 5.7.124, 5.7.133, 5.7.134, 5.7.135, 5.7.136 sender not allowed to send to this recipient',
    enhanced: /^5\.7\.(?:12[2-4]|13[3-6])$/,
    ...recipientRestricted,
  },
  {
    // It concerns the session, not the message.
    reply: '503 Bad sequence of commands',
    code: 503,
    meaning: 'The SMTP session is out of sequence.',
    outcome: 'temporary',
    scope: 'message',
    remedy: 'No action is needed: the bridge tries again over another connection.',
  },
];
