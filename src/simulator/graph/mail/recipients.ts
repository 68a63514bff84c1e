import { addressesIn, type StampedField } from '../../delivery/message-headers.ts';
import { GraphFault } from '../graph-error.ts';

/** The recipients in To, Cc and Bcc. @throws GraphFault for malformed addresses, or none at all */
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

/** The addresses that the message claims to come from: From and Sender. */
export function sendersIn(fields: readonly StampedField[]): readonly string[] {
  return ['from', 'sender'].flatMap((name) => addressesIn(fields, name).addresses);
}

/** Exchange's error for a recipient that is not an address. */
export function unresolved(recipient: string): GraphFault {
  return new GraphFault(
    400,
    'ErrorInvalidRecipients',
    `At least one recipient is not valid., Recipient '${recipient}' is not resolved. All recipients must be resolved before a message can be submitted.`,
  );
}
