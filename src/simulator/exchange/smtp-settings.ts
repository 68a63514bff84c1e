import type { SendingLimits } from '../delivery/sending-limits.ts';
import type { Transport } from '../delivery/transport.ts';
import type { TokenSigner } from '../entra/access-token.ts';
import type { Faults } from '../faults.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';

export interface ExchangeSmtpSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly limits: SendingLimits;
  readonly faults: Faults;
  /** Concurrent connections per mailbox. */
  readonly connectionsPerMailbox: number;
  onDefect(error: unknown): void;
}
