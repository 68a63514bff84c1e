import type { TimeSlice } from '../../base/turns/time-slice.ts';
import { Container } from './container.ts';
import type { ThreadedMessage } from './message.ts';

/** Step 5: joins threads with the same base subject (RFC 5256 section 3). @param roots sorted by date */
export async function gatheredBySubject(roots: readonly Container[], slice: TimeSlice): Promise<Container[]> {
  const bySubject = new Map<number, Container>();
  for (const root of roots) {
    if (slice.isOver) await slice.next();
    const { subject = 0, isReply = false } = told(root) ?? {};
    const known = bySubject.get(subject);
    const knownMessage = known?.message;
    if (subject === 0) continue;
    const better = knownMessage !== undefined && (root.message === undefined || (knownMessage.isReply && !isReply));
    if (known === undefined || better) bySubject.set(subject, root);
  }
  const top = new Set(roots);
  for (const root of roots) {
    if (slice.isOver) await slice.next();
    const subject = told(root)?.subject ?? 0;
    const known = bySubject.get(subject);
    if (subject === 0 || known === undefined || known === root) continue;
    const joint = merged(root, known);
    top.delete(root);
    if (joint !== known) {
      top.delete(known);
      top.add(joint);
      bySubject.set(subject, joint);
    }
  }
  return [...top];
}

/** The message that gives a thread its subject. */
function told({ message, children }: Container): ThreadedMessage | undefined {
  const [first] = children;
  return message ?? first?.message;
}

/** @returns the container that holds both now */
function merged(root: Container, known: Container): Container {
  if (known.message === undefined) {
    if (root.message === undefined) for (const child of [...root.children]) child.moveTo(known);
    else root.moveTo(known);
    return known;
  }
  if (root.message?.isReply && !known.message.isReply) {
    root.moveTo(known);
    return known;
  }
  const joint = new Container();
  known.moveTo(joint);
  root.moveTo(joint);
  return joint;
}
