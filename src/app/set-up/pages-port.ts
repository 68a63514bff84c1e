import { freeAdminPort, usualAdminPort } from '../../onboarding/free-ports.ts';
import { isDataFolderTaken } from '../data-folder.ts';

/** By default the pages of a new configuration are only for this machine. */
export const newPagesHost = '127.0.0.1';

/**
 * The port for the pages of a newly written configuration: the usual one, or the next free one. If a bridge without a
 * configuration has the data folder, its set-up page is on the usual port, and makes way.
 * @param dataDir absolute
 */
export async function newPagesPort(dataDir: string): Promise<number> {
  return isTaken(dataDir) ? usualAdminPort : await freeAdminPort(newPagesHost);
}

function isTaken(dataDir: string): boolean {
  try {
    return isDataFolderTaken(dataDir);
  } catch {
    // Another user's folder reveals nothing.
    return false;
  }
}
