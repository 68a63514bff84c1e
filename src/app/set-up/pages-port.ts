import { freeAdminPort, usualAdminPort } from '../../onboarding/free-ports.ts';
import { isDataFolderTaken } from '../data-folder.ts';

/** The pages of a new configuration are for this machine alone, unless somebody changes that. */
export const newPagesHost = '127.0.0.1';

/**
 * The port for the pages of a configuration that is written where there is none: the usual one, or the next that is free.
 * Where a bridge without a configuration has the data folder, its set-up page is at the usual one, and makes way.
 * @param dataDir absolute
 */
export async function newPagesPort(dataDir: string): Promise<number> {
  return isTaken(dataDir) ? usualAdminPort : await freeAdminPort(newPagesHost);
}

function isTaken(dataDir: string): boolean {
  try {
    return isDataFolderTaken(dataDir);
  } catch {
    // Of another user's folder nothing is known.
    return false;
  }
}
