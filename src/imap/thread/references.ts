import { Container, deepestFirst } from './container.ts';
import type { ThreadedMessage } from './message.ts';
import type { ThreadNode } from './node.ts';
import { bySentDate } from './ordered-subject.ts';
import { gatheredBySubject } from './subjects.ts';

/** Threads by what messages refer to, then by subject (RFC 5256 section 3, REFERENCES). */
export function threadsByReferences(messages: readonly ThreadedMessage[]): ThreadNode[] {
  const roots = sorted(pruned(linked(messages)));
  return nodesOf(sorted(gatheredBySubject(roots)));
}

/** Step 1: every message below the last that it refers to. @returns containers without a parent */
function linked(messages: readonly ThreadedMessage[]): Container[] {
  const byId = new Map<string, Container>();
  const all: Container[] = [];
  for (const message of messages) {
    const container = new Container(message);
    all.push(container);
    // Of messages with one id the first has it.
    if (message.id !== undefined && !byId.has(message.id)) byId.set(message.id, container);
  }
  const known = (id: string): Container => {
    const container = byId.get(id) ?? new Container();
    if (!byId.has(id)) all.push(container);
    byId.set(id, container);
    return container;
  };
  for (const container of [...all]) {
    let above: Container | undefined;
    for (const id of container.message?.references ?? []) {
      const next = known(id);
      if (above !== undefined && next.parent === undefined && next !== above) next.moveTo(above);
      above = next;
    }
    if (above === undefined || above === container) continue;
    // What others said of its place was guessed from shortened references.
    container.leave();
    container.moveTo(above);
  }
  return all.filter(({ parent }) => parent === undefined);
}

/** Step 3: what is only referred to goes, unless it holds several threads together at the top. */
function pruned(roots: readonly Container[]): Container[] {
  for (const container of deepestFirst(roots)) {
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

/** Steps 4 and 6: siblings by the date they were sent, what is only referred to by its first child. */
function sorted(roots: readonly Container[]): Container[] {
  for (const container of deepestFirst(roots)) {
    if (container.children.size > 1) container.children = new Set([...container.children].sort(compare));
  }
  return [...roots].sort(compare);
}

function compare(left: Container, right: Container): number {
  return bySentDate(datedBy(left), datedBy(right));
}

function datedBy({ message, children }: Container): Pick<ThreadedMessage, 'sent' | 'uid'> {
  const [first] = children;
  return message ?? first?.message ?? { sent: 0, uid: 0 };
}

function nodesOf(roots: readonly Container[]): ThreadNode[] {
  const nodes = new Map<Container, ThreadNode>();
  const nodeOf = (container: Container): ThreadNode => nodes.get(container) ?? { uid: undefined, children: [] };
  for (const container of deepestFirst(roots)) {
    nodes.set(container, { uid: container.message?.uid, children: [...container.children].map(nodeOf) });
  }
  return roots.map(nodeOf);
}
