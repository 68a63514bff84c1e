import { type WaitingOptions, WaitingView } from '../../queue/attempts/waiting.ts';
import { destinationOf, type QueuedMessage } from '../../queue/message.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import { dropsOfMessage } from '../../submission/duplicate-drops.ts';
import { hopsOf, type MessageHop } from './hops.ts';
import { noticeHopsOf } from './notices.ts';

/** A message and its way. */
export interface Trace {
  readonly message: QueuedMessage;
  readonly hops: readonly MessageHop[];
}

/** Follow-ups of a mailbox that are searched for that of a message. */
const mostFollowUps = 1000;

/**
 * Traces a message: who submitted it, each attempt with Microsoft's words, who was notified of its failure or delay,
 * what it waits for, what follows.
 * @throws what the store throws
 */
export async function traceOf(message: QueuedMessage, store: QueueStore, options: WaitingOptions): Promise<Trace> {
  const [attempts, waiting, dropped, followUps, notices] = await Promise.all([
    store.attempts(message.id),
    new WaitingView(store, options).of(message),
    dropsOfMessage(store.records, message.id, options.nowMs),
    store.followUps(destinationOf(message), Number.MAX_SAFE_INTEGER, mostFollowUps),
    noticeHopsOf(message, store),
  ]);
  const followUp = followUps.find(({ id }) => id === message.id);
  return { message, hops: hopsOf({ message, attempts, waiting, dropped, followUp, notices }) };
}

/**
 * The messages that somebody may mean, newest first: one id, or the latest with that Message-ID, sender or recipient.
 * @param wanted a queue id, an address, or a Message-ID in angle brackets
 * @throws what the store throws
 */
export async function messagesMeant(store: QueueStore, wanted: string, limit: number): Promise<QueuedMessage[]> {
  if (/^[A-Za-z0-9]+$/.test(wanted)) {
    const message = await store.get(wanted);
    return message ? [message] : [];
  }
  if (/^<.+>$/.test(wanted)) {
    const found = await newest(store, { messageId: wanted }, limit);
    if (found.length > 0) return found;
  }
  const address = wanted.replace(/^<(.*)>$/, '$1');
  const [sent, received] = await Promise.all([
    newest(store, { sender: address }, limit),
    newest(store, { recipient: address }, limit),
  ]);
  const all = new Map([...sent, ...received].map((message) => [message.id, message]));
  return [...all.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
}

/** Searches the whole queue, page by page. */
async function newest(store: QueueStore, filter: QueueFilter, limit: number): Promise<QueuedMessage[]> {
  const found: QueuedMessage[] = [];
  for (let beforeId: string | undefined; ; ) {
    const page = await store.page(filter, { limit: limit - found.length, ...(beforeId !== undefined && { beforeId }) });
    found.push(...page.messages);
    if (found.length >= limit || page.next === undefined) return found;
    beforeId = page.next;
  }
}
