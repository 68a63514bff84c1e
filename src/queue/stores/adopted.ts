import { BridgeError } from '../../base/errors.ts';
import type { QueuedMessage } from '../message.ts';
import type { KeptMessage } from '../transfer/transfer.ts';

/**
 * What a message of another store is here: quarantined where its body is missing or another one.
 * @param body what came of it; undefined: nothing
 */
export function adoptedMessage(
  { message, bodyCrc }: KeptMessage,
  body: { readonly size: number; readonly crc: number } | undefined,
): QueuedMessage {
  const { id, state } = message;
  if (state === 'delivered' || state === 'quarantined') return message;
  if (!body) return { ...message, state: 'quarantined', damage: `The body of message ${id} is missing or incomplete.` };
  if (body.size === message.size && (bodyCrc === undefined || bodyCrc === body.crc)) return message;
  return { ...message, state: 'quarantined', damage: `The body of message ${id} is damaged: its checksum is wrong.` };
}

/**
 * An id becomes the name of a file.
 * @throws BridgeError `queue-unreadable`
 */
export function assertPlainId(id: string): void {
  if (/^[A-Za-z0-9]{1,64}$/.test(id)) return;
  throw new BridgeError('queue-unreadable', `The queue holds a message whose id is none: ${JSON.stringify(id)}.`);
}
