import type { CourierKind } from '../../message/courier-kind.ts';
import { graphHop, graphHopKey } from './hops/graph.ts';
import type { Hop } from './hops/hop.ts';
import { submissionHop, submissionHopKey } from './hops/submission.ts';
import type { MailboxContext } from './mailbox-context.ts';
import type { ServerPeer } from './probes/peer.ts';
import type { SendUse } from './subject.ts';

/** How the check tries a courier at a mailbox. */
interface CourierCheck {
  /** The server that it talks to. */
  readonly service: ServerPeer['service'];
  /** The hop key for sending from a mailbox. */
  key(mailbox: string): string;
  /** Does what the courier does, as far as that leaves no message behind. */
  hop(context: MailboxContext, use: SendUse): Hop;
}

/** The check of each courier. */
export const courierChecks: Readonly<Record<CourierKind, CourierCheck>> = {
  graph: { service: 'graph', key: (mailbox) => graphHopKey('send', mailbox), hop: graphHop },
  smtp: { service: 'smtp', key: submissionHopKey, hop: submissionHop },
};
