import type { CourierDescriptor } from '../descriptor.ts';
import type { KnownRefusal } from '../known-refusal.ts';
import { batchLimits } from './batch-limits.ts';
import { graphRefusalRow, graphRefusals, graphStatuses } from './refusals.ts';

/** The courier that hands messages to Microsoft Graph. */
export const graphDescriptor: CourierDescriptor = {
  shortName: 'Graph',
  medium: 'Microsoft Graph',
  choice: 'through Microsoft Graph, up to 150 MB; above about 2 MB with the permission Mail.ReadWrite',
  resource: 'graph',
  parts: ['graph-token', 'graph'],
  // Microsoft: "Microsoft Graph service-specific throttling limits", Outlook: concurrent requests of one application.
  concurrentPerMailbox: 4,
  limitsByLogin: false,
  // Microsoft: "user: sendMail", "Role Based Access Control for Applications in Exchange Online".
  permissions: {
    app: { resource: 'graph', anyOf: ['Mail.Send'], rbacRole: 'Application Mail.Send' },
    person: { resource: 'graph', anyOf: ['Mail.Send', 'Mail.Send.Shared'] },
  },
  exchangeRole: { key: 'send', does: 'send through Graph as' },
  needsSmtpAuth: false,
  makesDrafts: true,
  batchLimits,
  // A request can have 4 MB, with the message in base64 (Microsoft: "user: sendMail").
  maxMimeBytes: 3000 * 1024,
  // Some messages are sent over SMTP instead.
  copiesAt: ['mailbox', 'login'],
  diagnosticType: 'x-graph',
  passesDsn: false,
  refusals: [
    {
      title: 'Microsoft Graph',
      rows: graphRefusals.map((row) => [[...row.codes, ...statusesOf(row)].join(', '), row]),
    },
  ],
  statusOf: (code) => graphRefusalRow(code)?.status,
  hostName: ({ graph }) => new URL(graph).hostname,
  load: () => import('./module.ts'),
};

function statusesOf(row: KnownRefusal): string[] {
  return Object.keys(graphStatuses)
    .filter((status) => graphStatuses[Number(status)] === row)
    .map((status) => `${status} with any other code`);
}
