import type { OutgoingMessage } from '../message/delivery.ts';
import type { HeaderBlock } from '../message/header/fields.ts';
import { editHeader } from '../message/header/stream.ts';

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
