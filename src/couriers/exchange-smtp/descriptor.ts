import type { CourierDescriptor } from '../descriptor.ts';
import { batchLimits } from './batch-limits.ts';
import { loginRefusals } from './login-refusals.ts';
import { transactionRefusals } from './refusals.ts';

/** The courier that submits messages to Exchange Online over SMTP. */
export const exchangeSmtpDescriptor: CourierDescriptor = {
  shortName: 'SMTP',
  medium: 'SMTP',
  choice: 'through SMTP to Exchange Online, up to 150 MB',
  resource: 'exchange',
  parts: ['exchange-token', 'smtp'],
  // Exchange Online limits, "Concurrent connections" of SMTP AUTH.
  concurrentPerMailbox: 3,
  limitsByLogin: true,
  // Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth", "SMTP Onboarding to App RBAC Overview".
  permissions: {
    app: { resource: 'exchange', anyOf: ['SMTP.SendAsApp'], rbacRole: 'Application SMTP.SendAsApp' },
    person: { resource: 'exchange', anyOf: ['SMTP.Send'] },
  },
  exchangeRole: { key: 'smtp', does: 'send by SMTP as' },
  needsSmtpAuth: true,
  makesDrafts: false,
  batchLimits,
  // Exchange Online limits, "Message size limit".
  maxMimeBytes: 150 * 1024 * 1024,
  // The mailbox of the login, whatever MAIL FROM names.
  copiesAt: ['login'],
  diagnosticType: 'smtp',
  passesDsn: true,
  refusals: [
    { title: 'Exchange Online by SMTP: replies to a login', rows: loginRefusals.map((row) => [row.reply, row]) },
    {
      title: 'Exchange Online by SMTP: replies to a message',
      rows: transactionRefusals.map((row) => [row.reply, row]),
    },
  ],
  // Its codes are enhanced statuses themselves.
  statusOf: () => undefined,
  hostName: ({ smtp }) => smtp.host,
  load: () => import('./module.ts'),
};
