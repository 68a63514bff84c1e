import type { AccountsPort } from './api/accounts/routes.ts';
import type { ConnectionsPort } from './api/connections/routes.ts';
import type { AdminEvent } from './api/events/hub.ts';
import type { LogTail } from './api/log/log-tail.ts';
import type { MessagesPort } from './api/messages/routes.ts';

import type { Overview } from './api/overview/schemas.ts';
import type { InstanceFacts } from './api/session/routes.ts';
import type { OpenSetUp } from './api/set-up/routes.ts';
import type { ConnectPort } from './connect/port.ts';
import type { AdminFacts } from './facts.ts';
import type { HistoryRange, HistoryView } from './history/history.ts';

/** What the admin server needs, with or without a bridge. */
interface CommonPorts {
  readonly facts: AdminFacts;
  readonly instance: InstanceFacts;
  readonly logTail: LogTail;
  overview(): Promise<Overview>;
  /** Undefined if none is kept. */
  history(range: HistoryRange): HistoryView | undefined;
  /** Reports changes until the returned function is called. */
  events(told: (event: AdminEvent) => void): () => void;
}

/** What the admin server needs before there is a bridge. */
export interface SetupModePorts extends CommonPorts {
  readonly setUp: OpenSetUp;
}

/** What the admin server needs from the bridge. */
export interface AdminPorts extends CommonPorts {
  /** Left out if nobody can write the configuration. */
  readonly setUp?: OpenSetUp | undefined;
  /** Left out if people do not connect their own mailboxes. */
  readonly connect?: ConnectPort | undefined;
  readonly messages: MessagesPort;
  readonly accounts: AccountsPort;
  readonly connections: ConnectionsPort;
  /** Ends what only runs for the admin server: checks, sign-ins. */
  close(): Promise<void>;
}
