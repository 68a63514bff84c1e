import { sortedInSlices, type TimeSlice } from '../../base/turns/time-slice.ts';
import { Container, deepestFirst } from './container.ts';
import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';
import { bySentDate } from './ordered-subject.ts';
import { gatheredBySubject } from './subjects.ts';

/** Groups messages by their references, then by subject (RFC 5256 section 3, REFERENCES). */
export async function threadsByReferences(
  messages: readonly ThreadedMessage[],
  slice: TimeSlice,
): Promise<readonly ThreadNode[]> {
  const roots = await sorted(await pruned(await linked(messages, slice), slice), slice);
  return await sorted(await gatheredBySubject(roots, slice), slice);
}

/** Step 1: puts every message below the last one it refers to. @returns containers without a parent */
async function linked(messages: readonly ThreadedMessage[], slice: TimeSlice): Promise<Container[]> {
  const byId: (Container | undefined)[] = [];
  const all: Container[] = [];
  for (const message of messages) {
    if (slice.isOver) await slice.next();
    const container = new Container(message);
    all.push(container);
    // If several messages have the same ID, the first one keeps it.
    if (message.id !== undefined) byId[message.id] ??= container;
  }
  const known = (id: number): Container => {
    const found = byId[id];
    if (found !== undefined) return found;
    const container = new Container();
    all.push(container);
    byId[id] = container;
    return container;
  };
  for (const container of [...all]) {
    if (slice.isOver) await slice.next();
    let above: Container | undefined;
    for (const id of container.message?.references ?? []) {
      const next = known(id);
      if (above !== undefined && next.parent === undefined && next !== above) next.moveTo(above);
      above = next;
    }
    if (above === undefined || above === container) continue;
    // Its place according to other messages was guessed from shortened references.
    container.leave();
    container.moveTo(above);
  }
  return all.filter(({ parent }) => parent === undefined);
}

/** Step 3: removes messages that are only referred to, unless they hold several threads together at the top. */
async function pruned(roots: readonly Container[], slice: TimeSlice): Promise<Container[]> {
  for (const container of await deepestFirst(roots, slice)) {
    if (slice.isOver) await slice.next();
    const { parent, message, children } = container;
    if (message !== undefined || parent === undefined) continue;
    for (const child of [...children]) child.moveTo(parent);
    container.leave();
  }
  return roots.flatMap((root) => {
    if (root.message !== undefined || root.children.size > 1) return [root];
    const [only] = root.children;
    only?.leave();
    return only === undefined ? [] : [only];
  });
}

/**
 * Steps 4 and 6: sorts siblings by the date sent; a message that is only referred to takes the date of its first child.
 */
async function sorted(roots: readonly Container[], slice: TimeSlice): Promise<Container[]> {
  for (const container of await deepestFirst(roots, slice)) {
    if (slice.isOver) await slice.next();
    if (container.children.size < 2) continue;
    container.reorder(await sortedInSlices([...container.children], compare, slice));
  }
  return await sortedInSlices(roots, compare, slice);
}

function compare(left: Container, right: Container): number {
  return bySentDate(datedBy(left), datedBy(right));
}

function datedBy({ message, children }: Container): Pick<ThreadedMessage, 'sent' | 'uid'> {
  const [first] = children;
  return message ?? first?.message ?? { sent: 0, uid: 0 };
}
