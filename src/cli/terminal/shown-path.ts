import { isAbsolute, relative } from 'node:path';

/** A path as shown: relative to the working folder if it is inside, else unchanged. */
export function shownPath(path: string): string {
  const near = relative('', path);
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near;
}
