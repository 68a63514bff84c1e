import type { CourierDescriptor } from '../descriptor.ts';
import type { KnownRefusal } from '../known-refusal.ts';
import { batchLimits } from './batch-limits.ts';
import { GraphCourier } from './courier.ts';
import { probe } from './probe.ts';
import { graphRefusalRow, graphRefusals, graphStatuses } from './refusals.ts';

/** A request has 4 MB, the message in base64 (Microsoft: "user: sendMail"). */
const maxMimeBytes = 3000 * 1024;

/** The courier that hands messages to Microsoft Graph. */
export const graphDescriptor: CourierDescriptor = {
  title: 'Microsoft Graph',
  shortName: 'Graph',
  medium: 'Microsoft Graph',
  choice: 'through Microsoft Graph, up to about 2 MB a message',
  resource: 'graph',
  parts: ['graph-token', 'graph'],
  // Microsoft: "Microsoft Graph service-specific throttling limits", Outlook: requests of one application at a time.
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
  keepsReversePath: false,
  batchLimits,
  maxMimeBytes,
  // Some messages it hands to SMTP.
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
  probe,
  create({ client, sendAs, graphMimeBytes, policy: { envelope }, marker, smtpFallback: smtp }) {
    const most = Math.min(graphMimeBytes, maxMimeBytes);
    return new GraphCourier({ client, sendAs, maxMimeBytes: most, envelope, marker, smtp });
  },
};

function statusesOf(row: KnownRefusal): string[] {
  return Object.keys(graphStatuses)
    .filter((status) => graphStatuses[Number(status)] === row)
    .map((status) => `${status} with any other code`);
}
