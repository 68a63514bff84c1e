import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { FolderInfo, SpecialUse } from '../../mailbox/mail-store.ts';
import { nameMatcher } from './glob.ts';
import type { ListRequest } from './options.ts';

/** A name in a listing. */
export interface ListedName {
  readonly name: string;
  /** The folder exists. */
  readonly exists: boolean;
  /** The folder can be opened. */
  readonly selectable: boolean;
  readonly hasChildren: boolean;
  readonly subscribed: boolean;
  readonly specialUse: SpecialUse | undefined;
  /** Folders below it match the selection but are not listed themselves (RFC 5258 section 3.5, CHILDINFO). */
  readonly childInfo: boolean;
  /** The name itself matches the selection. */
  readonly selected: boolean;
}

/** Returns the names that a LIST reports, parents before their children. */
export async function listedNames(
  folders: readonly FolderInfo[],
  delimiter: string,
  request: Pick<ListRequest, 'reference' | 'patterns' | 'select'>,
  signal?: AbortSignal,
): Promise<readonly ListedName[]> {
  const tree = namesOf(folders, delimiter);
  const matchers = request.patterns.map((pattern) => nameMatcher(request.reference + pattern, delimiter));
  const slice = new TimeSlice(signal);
  const matching = new Set<string>();
  for (const { name } of tree.values()) {
    for (const matches of matchers) {
      if (slice.isOver) await slice.next();
      if (!matches(name)) continue;
      matching.add(name);
      break;
    }
  }
  const fits = fitting(request);
  const fitsBelow = new Set<string>();
  for (const each of tree.values()) {
    if (!fits(each) || matching.has(each.name)) continue;
    for (const parent of parentsOf(each.name, delimiter)) fitsBelow.add(parent);
  }
  const listed: ListedName[] = [];
  for (const each of tree.values()) {
    if (!matching.has(each.name)) continue;
    const childInfo = request.select.recursive && fitsBelow.has(each.name);
    if (fits(each) || childInfo) listed.push({ ...each, childInfo, selected: fits(each) });
  }
  return listed;
}

/** Tells whether a name itself matches. */
function fitting({ select, patterns }: Pick<ListRequest, 'patterns' | 'select'>): (name: TreeName) => boolean {
  const { subscribed, specialUse } = select;
  if (subscribed || specialUse) {
    return (name) => (!subscribed || name.subscribed) && (!specialUse || name.specialUse !== undefined);
  }
  // RFC 3501 section 6.3.8: a level that is not a folder appears if `%` ends at it.
  const levels = patterns.some((pattern) => pattern.endsWith('%'));
  return (name) => name.exists || (levels && name.hasChildren);
}

type TreeName = Omit<ListedName, 'childInfo' | 'selected'>;

/** Every folder, and the levels above that are not folders. */
function namesOf(folders: readonly FolderInfo[], delimiter: string): ReadonlyMap<string, TreeName> {
  const parents = new Set(folders.flatMap(({ name }) => parentsOf(name, delimiter)));
  const known = new Set(folders.map(({ name }) => name));
  const tree = new Map<string, TreeName>();
  for (const { name, selectable, subscribed, specialUse } of folders) {
    for (const parent of parentsOf(name, delimiter)) {
      if (!known.has(parent) && !tree.has(parent)) tree.set(parent, missing(parent));
    }
    const hasChildren = parents.has(name);
    // A subscription outlives its folder (RFC 9051 section 6.3.7).
    tree.set(name, { name, selectable, subscribed, specialUse, exists: selectable || hasChildren, hasChildren });
  }
  return tree;
}

function missing(name: string): TreeName {
  return {
    ...{ name, exists: false, selectable: false, hasChildren: true, subscribed: false, specialUse: undefined },
  };
}

/** `a`, `a/b` for `a/b/c`. */
export function parentsOf(name: string, delimiter: string): string[] {
  const parents: string[] = [];
  for (let at = name.indexOf(delimiter, 1); at > 0; at = name.indexOf(delimiter, at + 1))
    parents.push(name.slice(0, at));
  return parents;
}
