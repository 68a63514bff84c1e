import { sortedInSlices, TimeSlice } from '../../base/turns/time-slice.ts';
import type { MessageSummary } from '../../mailbox/mail-store.ts';
import { type AddressItem, parseAddressItems } from '../../message/address/list.ts';
import { splitAddress } from '../../message/address/parts.ts';
import type { HeaderBlock } from '../../message/header/fields.ts';
import { decodedWords } from '../../message/mime/encodings.ts';
import { baseSubject } from './base-subject.ts';
import type { SortCriterion } from './criteria.ts';
import { sentDate } from './sent-date.ts';

/** A message with its sort keys: numbers, or comparable texts. */
export interface SortedMessage {
  readonly uid: number;
  readonly keys: readonly (number | string)[];
}

/** Text examined to find the first address, by which messages are compared. */
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

/** An address as people see it (RFC 5957). */
function displayed(item: AddressItem | undefined): string {
  if (item === undefined || item.kind === 'group-end') return '';
  if (item.kind !== 'address') return decodedWords(item.words);
  return decodedWords(item.parsed.name ?? '') || item.parsed.address;
}

/** Makes text comparable without case and with normalized characters, as i;unicode-casemap does (RFC 5051). */
function comparable(text: string): string {
  return text.toUpperCase().normalize('NFKD');
}

/** Returns UIDs in the requested order; equal messages stay in order of arrival. */
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
