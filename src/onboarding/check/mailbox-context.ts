import type { SeenTokens } from './hops/token.ts';
import type { CheckOperations } from './operations.ts';
import type { CheckedConnection, ExchangeProtocol } from './subject.ts';

/** Shared by the hops of one connection's mailboxes. */
export interface MailboxContext {
  readonly connection: CheckedConnection;
  readonly operations: CheckOperations;
  readonly seen: SeenTokens;
  /** The protocols over which some mailbox has been opened: then Exchange knows the app. */
  readonly opened: Set<ExchangeProtocol>;
}
