import type { FolderInfo } from '../../mailbox/mail-store.ts';
import { nameMatcher } from './glob.ts';
import { parentsOf } from './matches.ts';

/** A name that LSUB reports. */
export interface SubscribedName {
  readonly name: string;
  /** Not subscribed itself: a folder below it is (RFC 3501 section 6.3.9). */
  readonly parentOnly: boolean;
}

/** Returns the names that LSUB reports, parents before their children. */
export function subscribedNames(
  folders: readonly FolderInfo[],
  delimiter: string,
  pattern: string,
): readonly SubscribedName[] {
  const matches = nameMatcher(pattern, delimiter);
  const told = new Map<string, SubscribedName>();
  const subscribed = new Set(folders.filter((folder) => folder.subscribed).map(({ name }) => name));
  for (const name of subscribed) {
    if (matches(name)) told.set(name, { name, parentOnly: false });
    // `%` stops at a level: a subscription below it appears as the name of the level.
    else if (pattern.includes('%')) {
      for (const parent of parentsOf(name, delimiter)) {
        if (matches(parent) && !subscribed.has(parent)) told.set(parent, { name: parent, parentOnly: true });
      }
    }
  }
  return [...told.values()];
}
