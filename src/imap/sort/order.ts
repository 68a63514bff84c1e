import { sortedInSlices, TimeSlice } from '../../base/turns/time-slice.ts';
import type { MessageSummary } from '../../mailbox/mail-store.ts';
import { type AddressItem, parseAddressItems } from '../../message/address/list.ts';
import { splitAddress } from '../../message/address/parts.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { baseSubject } from './base-subject.ts';
import type { SortCriterion } from './criteria.ts';
import { sentDate } from './sent-date.ts';

/** A message with what it is sorted by: numbers, or texts made comparable. */
export interface SortedMessage {
  readonly uid: number;
  readonly keys: readonly (number | string)[];
}

/** Addresses are compared by the first, of which so much is looked at. */
const maxText = 1_000;

export function sortedMessage(
  message: MessageSummary,
  header: HeaderBlock | undefined,
  criteria: readonly SortCriterion[],
): SortedMessage {
  const known = new Map<string, number | string>();
  const keyNamed = (name: SortCriterion['name']) => {
    const key = known.get(name) ?? keyOf(name, message, header);
    known.set(name, key);
    return key;
  };
  return { uid: message.uid, keys: criteria.map(({ name }) => keyNamed(name)) };
}

function keyOf(name: SortCriterion['name'], message: MessageSummary, header: HeaderBlock | undefined): number | string {
  if (name === 'ARRIVAL') return message.receivedMs;
  if (name === 'SIZE') return message.size;
  if (header === undefined) return '';
  switch (name) {
    case 'DATE':
      return sentDate(header, message.receivedMs);
    case 'SUBJECT':
      return comparable(baseSubject(decodedWords(header.get('Subject') ?? '')).text);
    case 'DISPLAYFROM':
      return comparable(displayed(firstAddress(header, 'From')));
    case 'DISPLAYTO':
      return comparable(displayed(firstAddress(header, 'To')));
    default:
      return comparable(mailboxOf(firstAddress(header, name)));
  }
}

function firstAddress(header: HeaderBlock, field: string): AddressItem | undefined {
  return parseAddressItems((header.get(field) ?? '').slice(0, maxText)).items[0];
}

/** The addr-mailbox of ENVELOPE. */
function mailboxOf(item: AddressItem | undefined): string {
  if (item === undefined || item.kind === 'group-end') return '';
  return item.kind === 'address' ? splitAddress(item.parsed.address).local : item.words;
}

/** What people see of an address (RFC 5957). */
function displayed(item: AddressItem | undefined): string {
  if (item === undefined || item.kind === 'group-end') return '';
  if (item.kind !== 'address') return decodedWords(item.words);
  return decodedWords(item.parsed.name ?? '') || item.parsed.address;
}

/** Compared without case and in one form of each character, as i;unicode-casemap does (RFC 5051). */
function comparable(text: string): string {
  return text.toUpperCase().normalize('NFKD');
}

/** UIDs in the order asked for; what is equal stays as it arrived. */
export async function inOrder(
  messages: readonly SortedMessage[],
  criteria: readonly SortCriterion[],
  signal?: AbortSignal,
): Promise<number[]> {
  const compare = (left: SortedMessage, right: SortedMessage): number => {
    for (const [index, { reverse }] of criteria.entries()) {
      const [a = 0, b = 0] = [left.keys[index], right.keys[index]];
      if (a !== b) return a < b !== reverse ? -1 : 1;
    }
    return left.uid - right.uid;
  };
  return (await sortedInSlices(messages, compare, new TimeSlice(signal))).map(({ uid }) => uid);
}
