import type { IndexedFolder } from './index/folder-table.ts';

export const delimiter = '/';

/** Returns a folder's name as one level of a path, with slashes escaped. */
export function levelOf(displayName: string): string {
  return displayName.replace(/%(?=2F|25)/gi, '%25').replaceAll(delimiter, '%2F');
}

/** Reverses {@link levelOf}. */
export function displayNameOf(level: string): string {
  return level.replace(/%2F/gi, delimiter).replace(/%25/g, '%');
}

/** Returns the path of each folder, parents before children; folders with an unknown parent are at the top. */
export function pathsOf(folders: readonly IndexedFolder[]): ReadonlyMap<string, IndexedFolder> {
  const byId = new Map(folders.map((folder) => [folder.id, folder]));
  const paths = new Map<string, string>();
  const pathOf = (folder: IndexedFolder, depth: number): string => {
    const known = paths.get(folder.id);
    if (known !== undefined) return known;
    const parent = folder.parent === undefined || depth > maxDepth ? undefined : byId.get(folder.parent);
    const level = folder.special === 'inbox' ? 'INBOX' : levelOf(folder.displayName);
    const path =
      parent === undefined || folder.special === 'inbox' ? level : pathOf(parent, depth + 1) + delimiter + level;
    paths.set(folder.id, path);
    return path;
  };
  const named = folders.map((folder) => [pathOf(folder, 0), folder] as const);
  named.sort(([a], [b]) => Number(b === 'INBOX') - Number(a === 'INBOX') || (a < b ? -1 : a > b ? 1 : 0));
  const found = new Map<string, IndexedFolder>();
  // A user's own folder called INBOX must not hide the inbox.
  for (const [path, folder] of named) if (!found.has(path)) found.set(path, folder);
  return found;
}

const maxDepth = 300;
