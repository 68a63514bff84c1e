import type { SeenTokens } from './hops/token.ts';
import type { CheckOperations } from './operations.ts';
import type { CheckedConnection, ExchangeProtocol } from './subject.ts';

/** What the hops of one connection's mailboxes share. */
export interface MailboxContext {
  readonly connection: CheckedConnection;
  readonly operations: CheckOperations;
  readonly seen: SeenTokens;
  /** The protocols by which some mailbox has been opened: Exchange knows the app then. */
  readonly opened: Set<ExchangeProtocol>;
}
