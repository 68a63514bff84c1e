import type { TimeSlice } from '../../base/turns/time-slice.ts';

/** A node of a thread. */
export interface ThreadNode {
  /** Undefined for a message that is only referred to. */
  readonly uid: number | undefined;
  readonly children: Iterable<ThreadNode>;
}

/** `(2)(3 6 (4 23)(44 7 96))` (RFC 5256 section 4, thread-data). @param number maps a UID to the number to send */
export async function formatThreads(
  threads: readonly ThreadNode[],
  number: (uid: number) => number,
  slice: TimeSlice,
): Promise<string> {
  const out: string[] = [];
  // A stack, because threads can be as deep as a folder has messages.
  const work: (ThreadNode | ')')[] = [...threads].reverse();
  while (work.length > 0) {
    if (slice.isOver) await slice.next();
    let node = work.pop();
    if (node === undefined || node === ')') {
      out.push(')');
      continue;
    }
    out.push('(');
    const line: string[] = [];
    let children: ThreadNode[];
    for (;;) {
      if (node.uid !== undefined) line.push(String(number(node.uid)));
      children = [...node.children];
      const [only, more] = children;
      if (only === undefined || more !== undefined) break;
      node = only;
    }
    out.push(line.join(' '));
    if (children.length > 0 && line.length > 0) out.push(' ');
    work.push(')', ...children.reverse());
  }
  return out.join('');
}
