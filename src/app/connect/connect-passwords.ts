import { folded } from '../../accounts/account.ts';
import type { AppPasswordStore, ListedAppPassword } from '../../accounts/sources/app-passwords/store.ts';

/** Limit for one person, made at `/connect`. */
const mostPasswords = 10;
const prefix = 'connect ';

/** Whether an app password was made at `/connect`. */
export function isMadeAtConnect({ name }: Pick<ListedAppPassword, 'name'>): boolean {
  return name.startsWith(prefix);
}

/**
 * Makes an app password. For a person who connects again and again, only the last ones are kept.
 * @param account username of the account that it is for
 * @throws BridgeError see {@link AppPasswordStore}
 */
export async function makeConnectPassword(
  store: AppPasswordStore,
  address: string,
  now: Date,
  account: string | undefined,
): Promise<string> {
  const login = folded(address);
  const own = await madeHere(store, login);
  for (const old of own.toSorted((a, b) => b.madeAt.localeCompare(a.madeAt)).slice(mostPasswords - 1)) {
    await store.remove(login, old.name);
  }
  return await store.add(login, `${prefix}${now.toISOString().slice(0, 19)}`, now, account);
}

/**
 * Removes all app passwords made here for an address. @returns how many @throws BridgeError see {@link
 * AppPasswordStore}
 */
export async function removeConnectPasswords(store: AppPasswordStore, address: string): Promise<number> {
  const login = folded(address);
  const own = await madeHere(store, login);
  for (const { name } of own) await store.remove(login, name);
  return own.length;
}

async function madeHere(store: AppPasswordStore, login: string): Promise<ListedAppPassword[]> {
  return (await store.list()).filter((each) => each.login === login && isMadeAtConnect(each));
}
