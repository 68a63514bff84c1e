import type { SourceFinding } from '../../password-source.ts';
import type { AppPasswordStore } from './store.ts';

/**
 * Checks whether app passwords can be read.
 * @throws BridgeError `app-passwords-unusable`, `shared-store-unavailable`
 */
export async function checkAppPasswords(store: AppPasswordStore): Promise<SourceFinding> {
  const found = await store.list();
  const logins = new Set(found.map(({ login }) => login)).size;
  return { detail: `${found.length} of ${logins === 1 ? '1 login' : `${logins} logins`}` };
}
