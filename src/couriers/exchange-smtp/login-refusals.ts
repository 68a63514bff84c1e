import { refusedLoginPauseMs } from '../verdict.ts';
import { type ExchangeRefusalRow, permissionRemedy } from './refusal-row.ts';

/** Replies to AUTH. None says anything about a message, so none is permanent. */
export const loginRefusals: readonly ExchangeRefusalRow[] = [
  {
    reply: '535 5.7.139 … SmtpClientAuthentication is disabled for the Tenant / the Mailbox',
    enhanced: /^5\.7\.139$/,
    text: /SmtpClientAuthentication is disabled/i,
    meaning: 'SMTP AUTH is switched off, for the tenant or for the mailbox that logs in.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy:
      'SMTP AUTH is switched off, for OAuth too. Run Set-CASMailbox LOGIN -SmtpClientAuthenticationDisabled $false, or set send of the account to graph.',
  },
  {
    reply: "535 5.7.139 … user is locked by your organization's security defaults policy",
    enhanced: /^5\.7\.139$/,
    text: /security defaults/i,
    meaning: 'Security defaults forbid the login.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy:
      'Security defaults lock the user out. Use an app-only connection, or replace security defaults by Conditional Access.',
  },
  {
    reply: '535 5.7.139 … basic authentication is disabled',
    enhanced: /^5\.7\.139$/,
    text: /basic authentication is disabled/i,
    meaning: 'The server took the login for basic authentication.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: 'The server took the login for basic authentication. Check the SMTP endpoint of the connection.',
  },
  {
    reply: '535 5.7.139 (others)',
    enhanced: /^5\.7\.139$/,
    meaning: 'A policy of the tenant refuses the login.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy:
      'A Conditional Access or authentication policy refuses the login. Exempt the application or the mailbox from it.',
  },
  {
    reply: '501 5.5.124 Invalid XOAUTH2 auth data',
    enhanced: /^5\.5\.124$/,
    meaning: 'The server could not read the login.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: 'The server could not read the login. Check that mailbox of the account is a user principal name.',
  },
  {
    reply: '535 5.7.3 Authentication unsuccessful',
    code: 535,
    meaning: 'The server rejects the token for this login: wrong name, or a permission is missing or new.',
    outcome: 'needs-admin',
    scope: 'mailbox',
    waitMs: refusedLoginPauseMs,
    ofCourier: true,
    remedy: permissionRemedy,
  },
];
