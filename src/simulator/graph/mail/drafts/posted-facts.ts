import { GraphFault } from '../../graph-error.ts';
import type { MessageProperties } from '../message-properties.ts';
import { normalizedId } from '../messages/extended-properties.ts';
import type { PostedFacts } from './drafts.ts';

/** MSGFLAG_READ and MSGFLAG_UNSENT of PidTagMessageFlags ([MS-OXCMSG] section 2.2.1.6). */
const [read, unsent] = [1, 8];

/**
 * What a posted message's properties say about its state: when it was sent, and, if the unsent bit of its flags is
 * clear, that it is not a draft. @throws GraphFault 400 for an invalid value
 */
export function postedAs(given: MessageProperties): { readonly sentAt?: Date; readonly final?: PostedFacts } {
  const value = (id: string) =>
    given.singleValueExtendedProperties?.find((property) => normalizedId(property.id) === id)?.value;
  const sent = dateIn(value('systemtime 0x39'));
  const received = dateIn(value('systemtime 0xe06'));
  const text = value('integer 0xe07');
  const flags = Number(text);
  if (!Number.isInteger(text === undefined ? 0 : flags)) throw invalidValue();
  const isDraft = text === undefined || (flags & unsent) !== 0;
  return {
    ...(sent && { sentAt: sent }),
    ...(!isDraft && {
      final: { isRead: given.isRead ?? (flags & read) !== 0, receivedAt: received ?? new Date() },
    }),
  };
}

function dateIn(value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw invalidValue();
  return date;
}

function invalidValue(): GraphFault {
  return new GraphFault(400, 'ErrorInvalidArgument', 'The value of an extended property is not of its type.');
}
