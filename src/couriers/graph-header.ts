import { domainOf, normalizeAddress, parseAddressList } from '../message/addresses.ts';
import type { OutgoingMessage } from '../message/delivery.ts';
import type { Envelope } from '../message/envelope.ts';
import { editHeader } from '../message/header-stream.ts';
import type { HeaderBlock } from '../message/headers.ts';

/**
 * Reads the header of a stored message.
 * @throws HeaderTooLargeError, or what the message's stream throws
 */
export async function readHeader(message: OutgoingMessage): Promise<HeaderBlock> {
  let header: HeaderBlock | undefined;
  const pieces = editHeader(message.open(), (found) => {
    header = found;
    return undefined;
  });
  for await (const _ of pieces) break;
  if (header === undefined) throw new Error('The message has no header.');
  return header;
}

/** What Graph has to be told so that it mails the recipients of the envelope, and nobody else. */
export interface HeaderPlan {
  /** The header to be sent in place of the message's own; absent where that is right already. */
  readonly replacement?: Buffer;
  /** Addresses of To and Cc that are not in the envelope: Graph would mail them. */
  readonly outside: readonly string[];
}

/**
 * Graph takes the recipients of a MIME message from To, Cc and Bcc. Recipients of the envelope that To and Cc do not
 * name go into one Bcc field at the top; any Bcc that came with the message is dropped, for it says nothing of the
 * envelope. Exchange delivers Bcc recipients, and removes the field.
 */
export function planHeader(header: HeaderBlock, envelope: Envelope): HeaderPlan {
  const lists = [...header.getAll('To'), ...header.getAll('Cc')].map(parseAddressList);
  const listed = lists.flatMap((list) => list.addresses.map(({ address }) => address));
  const wanted = new Set(envelope.recipients.map(({ address }) => normalizeAddress(address)));
  // A name without a domain reaches nobody; Graph will say what it thinks of it.
  const outside = listed.filter((address) => domainOf(address) !== '' && !wanted.has(normalizeAddress(address)));

  // Where a field is not well formed, Graph may not find whom we found. Named twice, a recipient gets one copy.
  const trusted = lists.filter((list) => list.problems.length === 0).flatMap((list) => list.addresses);
  const named = new Set(trusted.map(({ address }) => normalizeAddress(address)));
  const hidden = new Map<string, string>();
  for (const { address } of envelope.recipients) {
    const key = normalizeAddress(address);
    if (!named.has(key)) hidden.set(key, address);
  }
  if (hidden.size === 0 && header.field('Bcc') === undefined) return { outside };
  const prefix = hidden.size === 0 ? '' : `Bcc: ${[...hidden.values()].join(',\r\n ')}\r\n`;
  return { outside, replacement: header.edit({ prefix, drop: (field) => field.is('Bcc') }) };
}
