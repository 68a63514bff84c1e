import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** The files below a folder of the program, by their paths from its root with `/` between the parts, sorted. */
export function folderFiles(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .toSorted();
}
