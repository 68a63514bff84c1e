import { addressesIn, type StampedField } from '../../delivery/message-headers.ts';
import { GraphFault } from '../graph-error.ts';

/** Whom a message goes to, from To, Cc and Bcc. @throws GraphFault for malformed addresses, or none at all */
export function recipientsIn(fields: readonly StampedField[]): readonly string[] {
  const found = ['to', 'cc', 'bcc'].map((name) => addressesIn(fields, name));
  const malformed = found.flatMap((field) => field.malformed);
  if (malformed.length > 0) throw unresolved(malformed[0] ?? '');
  const recipients = found.flatMap((field) => field.addresses);
  if (recipients.length > 0) return recipients;
  throw new GraphFault(
    400,
    'ErrorInvalidRecipients',
    "At least one recipient isn't valid., A message can't be sent unless it contains at least one recipient.",
  );
}

/** Addresses it claims to come from: From and Sender. */
export function sendersIn(fields: readonly StampedField[]): readonly string[] {
  return ['from', 'sender'].flatMap((name) => addressesIn(fields, name).addresses);
}

/** What Exchange says of a recipient that is no address. */
export function unresolved(recipient: string): GraphFault {
  return new GraphFault(
    400,
    'ErrorInvalidRecipients',
    `At least one recipient is not valid., Recipient '${recipient}' is not resolved. All recipients must be resolved before a message can be submitted.`,
  );
}
