import type { TimeSlice } from '../../base/turns/time-slice.ts';
import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';

/** Steps up a thread after which it is considered a loop. */
const maxDepth = 10_000;

/** A message, or one that others only refer to, in the tree under construction (RFC 5256 section 3, REFERENCES). */
export class Container implements ThreadNode {
  readonly message: ThreadedMessage | undefined;
  parent: Container | undefined;
  /** Most messages have no children: a set for each would take most of a command's memory. */
  #children: Set<Container> | undefined;

  constructor(message?: ThreadedMessage) {
    this.message = message;
  }

  get uid(): number | undefined {
    return this.message?.uid;
  }

  get children(): ReadonlySet<Container> {
    return this.#children ?? none;
  }

  /** Moves this below another, unless that one is below this. */
  moveTo(parent: Container): void {
    // Nothing can be below a container without children, and most messages moved have none.
    if (parent === this || (this.children.size > 0 && parent.isWithin(this))) return;
    this.leave();
    this.parent = parent;
    parent.#children ??= new Set();
    parent.#children.add(this);
  }

  leave(): void {
    if (this.parent !== undefined) this.parent.#children?.delete(this);
    this.parent = undefined;
  }

  /** @param children the present ones */
  reorder(children: Iterable<Container>): void {
    this.#children = new Set(children);
  }

  isWithin(other: Container): boolean {
    let steps = 0;
    for (let at: Container | undefined = this; at !== undefined; at = at.parent) {
      if (at === other || ++steps > maxDepth) return true;
    }
    return false;
  }
}

const none: ReadonlySet<Container> = new Set();

/** Returns containers with all their descendants, descendants first; uses a stack, because threads may be deep. */
export async function deepestFirst(roots: Iterable<Container>, slice: TimeSlice): Promise<Container[]> {
  const order: Container[] = [];
  const work = [...roots];
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    order.push(at);
    for (const child of at.children) work.push(child);
    if (slice.isOver) await slice.next();
  }
  return order.reverse();
}
