import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';

/** Threads of messages with the same base subject, the first above all others (RFC 5256 section 3, ORDEREDSUBJECT). */
export function threadsBySubject(messages: readonly ThreadedMessage[]): ThreadNode[] {
  const bySubject = new Map<string, ThreadedMessage[]>();
  for (const message of [...messages].sort(bySentDate)) {
    const same = bySubject.get(message.subject);
    if (same === undefined) bySubject.set(message.subject, [message]);
    else same.push(message);
  }
  return [...bySubject.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ uid: first.uid, children: others.map(({ uid }) => ({ uid, children: [] })) }],
  );
}

export function bySentDate(left: Pick<ThreadedMessage, 'sent' | 'uid'>, right: Pick<ThreadedMessage, 'sent' | 'uid'>) {
  return left.sent - right.sent || left.uid - right.uid;
}
