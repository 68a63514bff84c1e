import { BridgeError } from '../../base/errors.ts';
import type { QueuedMessage } from '../message.ts';
import type { KeptMessage } from '../transfer/transfer.ts';

/**
 * A message of another store as it becomes here: quarantined if its body is missing or a different one.
 * @param body the body that arrived; undefined: none
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
 * An id becomes a file name.
 * @throws BridgeError `queue-unreadable`
 */
export function assertPlainId(id: string): void {
  if (/^[A-Za-z0-9]{1,64}$/.test(id)) return;
  throw new BridgeError('queue-unreadable', `The queue holds a message whose id is none: ${JSON.stringify(id)}.`);
}
