import { SmtpReply } from '../../smtp/session.ts';
import { addressesIn, headerFields } from '../delivery/message-headers.ts';
import { appMaySendAs, maySendAs } from '../tenant/exchange-permissions.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { frontEndName } from './front-end.ts';

/** Who is logged in. */
export interface Submitter {
  readonly mailbox: string;
  /** The app that logged in as itself. */
  readonly clientId: string | undefined;
}

/**
 * Checks envelope and header sender of a submission against the login.
 * @throws SmtpReply in Exchange's wording, permanent
 */
export function assertMaySend(
  tenant: Tenant,
  { mailbox, clientId }: Submitter,
  reversePath: string,
  content: Buffer,
): void {
  const may = (address: string) =>
    maySendAs(tenant, mailbox, address) || (clientId !== undefined && appMaySendAs(tenant, clientId, address));
  // The null reverse-path is for reports, which every mailbox may send.
  if (reversePath !== '' && !may(reversePath)) {
    const text = `SMTP; Client does not have permissions to send as this sender [${frontEndName}]`;
    throw new SmtpReply(550, '5.7.60', text);
  }
  const { addresses } = addressesIn(headerFields(content), 'from');
  if (addresses.length === 0) {
    const text = `Access denied, message must be RFC 5322 section 3.6.2 compliant [${frontEndName}]`;
    throw new SmtpReply(550, '5.7.512', text);
  }
  const foreign = addresses.find((address) => !may(address));
  if (foreign === undefined) return;
  const cause = 'STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied';
  const text = `SendAsDenied; ${mailbox} not allowed to send as ${foreign}; ${cause}; Failed to process message due to a permanent exception with message Cannot submit message. [Hostname=${frontEndName}]`;
  throw new SmtpReply(554, '5.2.252', text);
}
