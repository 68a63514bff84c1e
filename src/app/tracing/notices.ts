import type { QueuedMessage } from '../../queue/message.ts';
import type { QueueStore } from '../../queue/store.ts';
import type { MessageHop } from './hops.ts';

/** A message has few, unless its recipients fail one after the other. */
const mostNotices = 50;

/**
 * A hop for each bounce and delay warning about a message, oldest first; of more than 50 the oldest, and a hop that
 * says so.
 * @throws what the store throws
 */
export async function noticeHopsOf(message: QueuedMessage, store: QueueStore): Promise<readonly MessageHop[]> {
  // There are no notices about a notice.
  if (message.isBounce) return [];
  const notices = await store.list({ noticeAbout: message.id }, mostNotices + 1);
  const hops = notices.slice(0, mostNotices).map(noticeHop);
  if (notices.length <= mostNotices) return hops;
  return [...hops, { at: null, what: 'notice', detail: `and more than these ${mostNotices}` }];
}

function noticeHop({ id, receivedAtMs, recipients, state }: QueuedMessage): MessageHop {
  const to = recipients.map(({ address }) => `<${address}>`).join(' ');
  return { at: new Date(receivedAtMs).toISOString(), what: 'notice', detail: `${id} to ${to}: ${state}`, message: id };
}
