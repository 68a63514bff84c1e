import { BridgeError } from '../../../../base/errors.ts';
import { type RecordTable, recordKinds, sharedStoreUnavailable } from '../../../../base/record-table.ts';
import { type AppPassword, readEntry, writtenEntry } from '../entries.ts';
import {
  type AppPasswordStore,
  appPasswordExists,
  appPasswordUnknown,
  type KeptAppPassword,
  type ListedAppPassword,
  listed,
  made,
} from '../store.ts';
import { changeKey, passwordKey } from './keys.ts';

/** None of these records expires. */
const always = 0;

/** The app passwords shared by instances: one record each. */
export class AppPasswordRecords implements AppPasswordStore {
  readonly #records: RecordTable;

  constructor(records: RecordTable) {
    this.#records = records;
  }

  async list(): Promise<ListedAppPassword[]> {
    return listed(await this.all());
  }

  async add(login: string, name: string, now: Date, account?: string): Promise<string> {
    const { secret, entry } = made(login, name, now, account);
    if (!(await this.#add(entry))) throw appPasswordExists(login, name);
    await this.#tellChange();
    return secret;
  }

  async rotate(login: string, name: string, now: Date, account?: string): Promise<string> {
    for (;;) {
      const { entry: old, version } = await this.#find(login, name);
      const { secret, entry } = made(login, old.name, now, account);
      const key = passwordKey(login, name);
      const text = writtenEntry(entry);
      // If somebody else was faster, it is their password that is replaced.
      if (
        (await this.#in((records) => records.put(recordKinds.appPassword, key, text, { ifVersion: version }))) ===
        undefined
      ) {
        continue;
      }
      await this.#tellChange();
      await this.#in((records) => records.delete(recordKinds.appPasswordUse, old.id));
      return secret;
    }
  }

  async remove(login: string, name: string): Promise<void> {
    const { entry } = await this.#find(login, name);
    await this.#in((records) => records.delete(recordKinds.appPassword, passwordKey(login, name)));
    await this.#tellChange();
    await this.#in((records) => records.delete(recordKinds.appPasswordUse, entry.id));
  }

  async all(): Promise<KeptAppPassword[]> {
    const passwords = await this.#in((records) => records.list(recordKinds.appPassword, always));
    const uses = await this.#in((records) => records.list(recordKinds.appPasswordUse, always));
    return [...passwords.values()].map(({ value }) => {
      const entry = understood(value);
      return { entry, lastUsedAt: uses.get(entry.id)?.value };
    });
  }

  async take(kept: readonly KeptAppPassword[]): Promise<readonly KeptAppPassword[]> {
    const taken: KeptAppPassword[] = [];
    for (const each of kept) {
      const { entry, lastUsedAt } = each;
      if (!(await this.#add(entry))) continue;
      taken.push(each);
      if (lastUsedAt !== undefined)
        await this.#in((records) => records.put(recordKinds.appPasswordUse, entry.id, lastUsedAt));
    }
    if (taken.length > 0) await this.#tellChange();
    return taken;
  }

  async drop(ids: ReadonlySet<string>): Promise<void> {
    const meant = (await this.all()).filter(({ entry }) => ids.has(entry.id));
    for (const { entry } of meant) {
      await this.#in((records) => records.delete(recordKinds.appPassword, passwordKey(entry.login, entry.name)));
      await this.#in((records) => records.delete(recordKinds.appPasswordUse, entry.id));
    }
    if (meant.length > 0) await this.#tellChange();
  }

  /** @returns whether there was none with that login and name */
  async #add(entry: AppPassword): Promise<boolean> {
    const key = passwordKey(entry.login, entry.name);
    return (
      (await this.#in((records) => records.add(recordKinds.appPassword, key, writtenEntry(entry), always))) ===
      undefined
    );
  }

  async #find(login: string, name: string): Promise<{ readonly entry: AppPassword; readonly version: number }> {
    const found = await this.#in((records) => records.get(recordKinds.appPassword, passwordKey(login, name), always));
    if (found) return { entry: understood(found.value), version: found.version };
    const others = await this.all();
    throw appPasswordUnknown(
      login,
      name,
      others.map(({ entry }) => entry),
    );
  }

  async #tellChange(): Promise<void> {
    await this.#in((records) => records.put(recordKinds.appPasswordChange, changeKey, ''));
  }

  async #in<T>(work: (records: RecordTable) => Promise<T>): Promise<T> {
    try {
      return await work(this.#records);
    } catch (cause) {
      throw sharedStoreUnavailable('App passwords are', cause);
    }
  }
}

function understood(text: string): AppPassword {
  const entry = readEntry(text);
  if (entry) return entry;
  throw new BridgeError(
    'app-passwords-unusable',
    'An app password in the store that the instances share is damaged, or was written by a later version of mailbridge.',
    { remedy: 'Install that version here too. If it is damaged, restore the database from a backup.' },
  );
}
