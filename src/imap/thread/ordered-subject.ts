import { sortedInSlices, type TimeSlice } from '../../base/turns/time-slice.ts';
import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';

/**
 * Groups messages with the same base subject into threads, the first above all others (RFC 5256 section 3,
 * ORDEREDSUBJECT).
 */
export async function threadsBySubject(
  messages: readonly ThreadedMessage[],
  slice: TimeSlice,
): Promise<readonly ThreadNode[]> {
  const bySubject = new Map<number, { readonly uid: number; readonly children: ThreadNode[] }>();
  for (const { subject, uid } of await sortedInSlices(messages, bySentDate, slice)) {
    const first = bySubject.get(subject);
    if (first === undefined) bySubject.set(subject, { uid, children: [] });
    else first.children.push({ uid, children: [] });
    if (slice.isOver) await slice.next();
  }
  return [...bySubject.values()];
}

export function bySentDate(left: Pick<ThreadedMessage, 'sent' | 'uid'>, right: Pick<ThreadedMessage, 'sent' | 'uid'>) {
  return left.sent - right.sent || left.uid - right.uid;
}
