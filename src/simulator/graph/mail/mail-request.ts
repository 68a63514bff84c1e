import type { SendingLimits } from '../../delivery/sending-limits.ts';
import type { Transport } from '../../delivery/transport.ts';
import type { AccessTokenClaims } from '../../entra/access-token.ts';
import type { IncomingHttpRequest } from '../../http/http-server.ts';
import type { Mailbox } from '../../mailboxes/mailbox.ts';
import type { MailboxDirectory } from '../../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import type { GraphBehaviour } from './behaviour.ts';
import type { Drafts } from './drafts/drafts.ts';
import type { UploadSessions } from './drafts/upload-sessions.ts';

/** The services that mail operations use. */
export interface MailServices {
  readonly tenant: Tenant;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly limits: SendingLimits;
  readonly drafts: Drafts;
  readonly uploads: UploadSessions;
  readonly behaviour: GraphBehaviour;
  /** Bytes of one request. */
  readonly maxRequestBytes: number;
}

/** A request about a mailbox that its token reaches. */
export interface MailRequest {
  readonly services: MailServices;
  readonly http: IncomingHttpRequest;
  readonly mailbox: string;
  readonly claims: AccessTokenClaims;
}

/** The mailbox that a request is about. */
export function mailboxOf({ services, mailbox }: MailRequest): Mailbox {
  return services.directory.mailbox(mailbox);
}

/** Bytes of a message with its attachments, before encoding. Learn, "Exchange Online limits". */
export const maxMessageBytes = 150 * 1024 * 1024;
