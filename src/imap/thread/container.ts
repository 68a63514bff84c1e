import type { TimeSlice } from '../../base/turns/time-slice.ts';
import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';

/** Steps up a thread after which something is taken for a loop. */
const maxDepth = 10_000;

/** A message, or one that others only refer to, in the tree that is being built (RFC 5256 section 3, REFERENCES). */
export class Container implements ThreadNode {
  readonly message: ThreadedMessage | undefined;
  parent: Container | undefined;
  /** Most messages have none: a set for each of very many would be most of what a command holds. */
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

  /** Puts it below another, unless that is below itself. */
  moveTo(parent: Container): void {
    // Nothing can be below what has no children: most messages are put below others so.
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

  /** @param children those that it has */
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

/** A container and all below it, those below first; a stack, as threads may be deep. */
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
