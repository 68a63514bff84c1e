import { headerFields, type StampedField } from '../../delivery/message-headers.ts';
import type { Exceeded } from '../../delivery/sending-limits.ts';
import type { ItemFacts } from '../../mailboxes/stored-message.ts';
import { maySendAs } from '../../tenant/exchange-permissions.ts';
import { GraphFault } from '../graph-error.ts';
import type { MailRequest } from './mail-request.ts';
import { recipientsIn, sendersIn } from './recipients.ts';

/**
 * Sends a finished message to the recipients in its To, Cc and Bcc.
 * @throws GraphFault for recipients, senders and limits; nothing is sent then
 */
export function submitMessage(
  { services, mailbox }: MailRequest,
  content: Buffer,
  options: { readonly saveToSentItems: boolean; readonly facts?: ItemFacts },
): void {
  const fields = headerFields(content);
  const recipients = recipientsIn(fields);
  assertMaySend(services.tenant, mailbox, fields);
  const { limits, transport } = services;
  const exceeded = limits.admit(mailbox, recipients.length, transport.external(recipients).length);
  if (exceeded) throw limitError(exceeded);
  transport.submit({ via: 'graph', mailbox, reversePath: mailbox, recipients, content, ...options });
}

function assertMaySend(
  tenant: MailRequest['services']['tenant'],
  mailbox: string,
  fields: readonly StampedField[],
): void {
  if (sendersIn(fields).every((sender) => maySendAs(tenant, mailbox, sender))) return;
  const text =
    'The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.';
  throw new GraphFault(403, 'ErrorSendAsDenied', text);
}

/** Graph's error for a limit. */
export function limitError({ limit, retryAfterSeconds }: Exceeded): GraphFault {
  if (limit === 'recipientsPerDay') {
    return new GraphFault(
      403,
      'ErrorSubmissionQuotaExceeded',
      'The message can’t be submitted because the sender’s submission quota was exceeded., Cannot submit message.',
    );
  }
  if (limit === 'externalRecipientsPerDay') {
    const text =
      'Cannot send mail. 5.7.233: Your message can’t be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit).';
    return new GraphFault(403, 'ErrorExceededMessageLimit', text);
  }
  return new GraphFault(429, 'ApplicationThrottled', 'Application is over its limit for this mailbox.', {
    'Retry-After': String(retryAfterSeconds),
  });
}
