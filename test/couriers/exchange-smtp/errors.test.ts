import { describe, expect, it } from 'vitest';
import { loginRefusal, transactionRefusal } from '../../../src/couriers/exchange-smtp/errors.ts';
import { parseSmtpReply } from '../../../src/exchange/smtp/reply.ts';

type Row = [reply: string, outcome: string, pauseMailboxMs: number | undefined, remedy: RegExp | undefined];

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const toMessages: Row[] = [
  [
    '550 5.7.60 SMTP; Client does not have permissions to send as this sender [HOST.prod.outlook.com]',
    'permanent',
    undefined,
    /SendAs/,
  ],
  [
    '554 5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied',
    'permanent',
    undefined,
    /SendAs/,
  ],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message',
    'permanent',
    undefined,
    /SendAs/,
  ],
  [
    '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed',
    'needs-admin',
    minuteMs,
    /Add-MailboxPermission/,
  ],
  [
    '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=X]',
    'temporary',
    10_000,
    /concurrentPerMailbox/,
  ],
  ['432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded', 'temporary', 10_000, /concurrentPerMailbox/],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception',
    'temporary',
    hourMs,
    /10,000/,
  ],
  ['554 5.2.2 Submission quota exceeded', 'temporary', hourMs, /10,000/],
  [
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    'temporary',
    hourMs,
    /daily limit of recipients/,
  ],
  ['554 5.2.2 mailbox full', 'needs-admin', 10 * minuteMs, /full/],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
    'needs-admin',
    10 * minuteMs,
    /full/,
  ],
  [
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for external recipients",
    'temporary',
    undefined,
    /Tenant External Recipient/,
  ],
  ['452 4.5.3 Too many recipients', 'temporary', undefined, /transaction/],
  [
    '451 4.7.500 Server busy. Please try again later from [1.2.3.4]. (S77714) (AS-40)',
    'temporary',
    10 * minuteMs,
    /throttles/,
  ],
  ['450 4.7.699 Access denied, please try again later', 'temporary', 10 * minuteMs, /throttles/],
  ['451 4.7.850 Access denied', 'temporary', 10 * minuteMs, /throttles/],
  ['451 4.7.1 Greylisted', 'temporary', undefined, undefined],
  ['450 4.1.1 whatever else', 'temporary', undefined, undefined],
  ['599 whatever else', 'permanent', undefined, undefined],
  ['550 5.7.501 Access denied, spam abuse detected', 'needs-admin', 15 * minuteMs, /Restricted entities/],
  ['550 5.7.503 Access denied, banned sender', 'needs-admin', 15 * minuteMs, /Restricted entities/],
  ['550 5.1.8 Access denied, bad outbound sender', 'needs-admin', 15 * minuteMs, /Restricted entities/],
  ['550 5.7.705 Access denied, tenant has exceeded threshold', 'needs-admin', 15 * minuteMs, /Restricted entities/],
  ['550 5.7.708 Access denied, traffic not accepted from this IP', 'needs-admin', 15 * minuteMs, /Restricted entities/],
  ['550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant', 'permanent', undefined, /From/],
  ['550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal', 'permanent', undefined, /characters/],
  [
    '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM',
    'needs-admin',
    minuteMs,
    /login/,
  ],
  ['530 5.7.0 Must issue a STARTTLS command first', 'needs-admin', minuteMs, /TLS/],
  ['421 4.7.66 TLS 1.0 and 1.1 are not supported', 'needs-admin', 10 * minuteMs, /TLS/],
  ['421 4.4.2 Connection dropped', 'temporary', undefined, undefined],
  [
    '550 5.5.105 External sending is not supported for High Volume Email accounts',
    'needs-admin',
    undefined,
    /High Volume/,
  ],
  ['552 5.3.4 Message size exceeds fixed maximum message size', 'permanent', undefined, /larger/],
  ['503 5.5.1 Bad sequence of commands', 'temporary', undefined, undefined],
  ['550 5.1.1 User unknown', 'permanent', undefined, undefined],
  ['451 Requested action aborted', 'temporary', undefined, undefined],
  ['554 Transaction failed', 'permanent', undefined, undefined],
];

const toLogins: Row[] = [
  [
    '535 5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]',
    'needs-admin',
    minuteMs,
    /SMTP\.SendAsApp/,
  ],
  [
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled',
    'needs-admin',
    minuteMs,
    /SmtpClientAuthenticationDisabled/,
  ],
  [
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.',
    'needs-admin',
    minuteMs,
    /SmtpClientAuthenticationDisabled/,
  ],
  [
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
    'needs-admin',
    minuteMs,
    /Security defaults/,
  ],
  [
    '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully.',
    'needs-admin',
    minuteMs,
    /Conditional Access/,
  ],
  [
    '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.',
    'needs-admin',
    minuteMs,
    /basic authentication/,
  ],
  ['501 5.5.124 Invalid XOAUTH2 auth data', 'needs-admin', minuteMs, /user principal name/],
  ['454 4.7.0 Temporary authentication failure', 'temporary', minuteMs, undefined],
  ['550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'needs-admin', minuteMs, undefined],
  ['504 5.7.4 Unrecognized authentication type', 'needs-admin', minuteMs, undefined],
];

describe.each<[string, typeof loginRefusal, Row[]]>([
  ['a message', transactionRefusal, toMessages],
  ['a login', loginRefusal, toLogins],
])('What Exchange says to %s', (_to, classify, rows) => {
  it.each(rows)('%s - %s', (words, outcome, pauseMailboxMs, remedy) => {
    const reply = parseSmtpReply(words);
    expect(reply).toBeDefined();
    const verdict = classify(reply!);
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.pauseMailboxMs).toBe(pauseMailboxMs);
    expect(verdict.text).toBe(words);
    expect(verdict.code).toBe(/^\d{3} (\d\.\d+\.\d+)/.exec(words)?.[1] ?? words.slice(0, 3));
    if (remedy) expect(verdict.remedy).toMatch(remedy);
  });
});

/** The replies word for word, from Microsoft's documents and published logs. */
const seen: [reply: string, outcome: string, scope: string, waitMs?: number][] = [
  [
    '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM',
    'needs-admin',
    'mailbox',
    minuteMs,
  ],
  [
    '550 5.7.60 SMTP; Client does not have permissions to send as this sender [DB8P.eurprd01.prod.outlook.com]',
    'permanent',
    'message',
  ],
  [
    '554 5.2.252 SendAsDenied; a@x.com not allowed to send as b@y.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception',
    'permanent',
    'message',
  ],
  [
    '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed',
    'needs-admin',
    'mailbox',
    minuteMs,
  ],
  [
    '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM0P.EURP.PROD.OUTLOOK.COM]',
    'temporary',
    'mailbox',
    10_000,
  ],
  [
    '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded; [Hostname=AM0P.EURP.PROD.OUTLOOK.COM]',
    'temporary',
    'mailbox',
    10_000,
  ],
  [
    '421 4.3.2 The maximum number of concurrent server connections has exceeded a limit, closing transmission channel',
    'temporary',
    'mailbox',
    10_000,
  ],
  [
    '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception',
    'temporary',
    'mailbox',
    hourMs,
  ],
  ['550 5.2.2 Submission quota exceeded', 'temporary', 'mailbox', hourMs],
  [
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    'temporary',
    'mailbox',
    hourMs,
  ],
  [
    '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
    'needs-admin',
    'mailbox',
    10 * minuteMs,
  ],
  [
    "550 5.7.233 Your message can't be sent because your organization exceeded its external recipient limit",
    'temporary',
    'tenant',
    hourMs,
  ],
  ['452 4.5.3 Too many recipients', 'temporary', 'recipient'],
  ['451 4.7.500 Access denied, please try again later', 'temporary', 'mailbox', 10 * minuteMs],
  ['451 4.7.651 Server busy. Please try again later. (S775)', 'temporary', 'mailbox', 10 * minuteMs],
  ['450 4.7.899 Access denied, please try again later', 'temporary', 'mailbox', 10 * minuteMs],
  ['550 5.7.501 Access denied, spam abuse detected', 'needs-admin', 'mailbox', 15 * minuteMs],
  ['550 5.1.8 Access denied, bad outbound sender', 'needs-admin', 'mailbox', 15 * minuteMs],
  ['550 5.7.705 Access denied, tenant has exceeded threshold', 'needs-admin', 'tenant', 15 * minuteMs],
  ['550 5.7.708 Access denied, traffic not accepted from this IP', 'needs-admin', 'tenant', 15 * minuteMs],
  [
    '550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains',
    'needs-admin',
    'tenant',
    15 * minuteMs,
  ],
  ['550 5.7.606 Access denied, banned sending IP [192.0.2.1]', 'needs-admin', 'tenant', 15 * minuteMs],
  ['550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds', 'permanent', 'message'],
  ['550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant', 'permanent', 'message'],
  ['550 5.1.20 Multiple From addresses are not allowed without Sender address', 'permanent', 'message'],
  [
    '421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.',
    'needs-admin',
    'tenant',
    10 * minuteMs,
  ],
  ['550 5.5.105 External sending is not supported for High Volume Email accounts', 'needs-admin', 'recipient'],
  ['550 5.7.64 TenantAttribution; Relay Access Denied', 'needs-admin', 'tenant', 10 * minuteMs],
  ['550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup', 'permanent', 'recipient'],
  ['550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList; not authorized', 'permanent', 'recipient'],
  ['552 5.3.4 Message size exceeds fixed maximum message size', 'permanent', 'message'],
];

describe('A reply seen of Exchange: whom it concerns and how long it is waited out', () => {
  it.each(seen)('%s - %s, of the %s', (words, outcome, scope, waitMs) => {
    const verdict = transactionRefusal(parseSmtpReply(words)!);
    expect(verdict).toMatchObject({ outcome, scope });
    expect(verdict.retryAfterMs).toBe(waitMs);
    expect(verdict.remedy).toBeTruthy();
  });

  it("every login is the mailbox's affair", () => {
    for (const [words] of toLogins) expect(loginRefusal(parseSmtpReply(words)!).scope).toBe('mailbox');
  });
});
