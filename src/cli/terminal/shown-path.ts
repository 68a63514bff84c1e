import { isAbsolute, relative } from 'node:path';

/** A path as it is shown: from the working folder where it lies in there, else as it is. */
export function shownPath(path: string): string {
  const near = relative('', path);
  return near === '' || near.startsWith('..') || isAbsolute(near) ? path : near;
}
