import { BridgeError } from '../../../../base/errors.ts';
import { FileLock, LockTimeoutError } from '../../../../base/files/file-lock.ts';
import { fileErrorText, readPrivateFile, writePrivateFile } from '../../../../base/files/private-file.ts';
import {
  type AppPassword,
  appPasswordFiles,
  maxAppPasswordBytes,
  readEntries,
  readUses,
  writtenEntries,
  writtenUses,
} from '../entries.ts';
import {
  type AppPasswordStore,
  appPasswordExists,
  appPasswordUnknown,
  isOf,
  type KeptAppPassword,
  type ListedAppPassword,
  listed,
  made,
} from '../store.ts';

const lockTimeoutMs = 10_000;

/** The app passwords of a data folder, in their own file. */
export class AppPasswordFile implements AppPasswordStore {
  readonly #files: ReturnType<typeof appPasswordFiles>;

  constructor(dataDir: string) {
    this.#files = appPasswordFiles(dataDir);
  }

  async list(): Promise<ListedAppPassword[]> {
    return listed(await this.all());
  }

  async add(login: string, name: string, now: Date, account?: string): Promise<string> {
    return await this.#change((entries) => {
      if (entries.some((entry) => isOf(entry, login, name))) throw appPasswordExists(login, name);
      const { secret, entry } = made(login, name, now, account);
      return { entries: [...entries, entry], result: secret };
    });
  }

  async rotate(login: string, name: string, now: Date, account?: string): Promise<string> {
    return await this.#change((entries) => {
      const old = find(entries, login, name);
      const { secret, entry } = made(login, old.name, now, account);
      return { entries: entries.map((each) => (each === old ? entry : each)), result: secret };
    });
  }

  async remove(login: string, name: string): Promise<void> {
    await this.#change((entries) => {
      const old = find(entries, login, name);
      return { entries: entries.filter((each) => each !== old), result: undefined };
    });
  }

  async all(): Promise<KeptAppPassword[]> {
    const entries = await this.#read();
    const uses = await this.#uses();
    return entries.map((entry) => ({ entry, lastUsedAt: uses.get(entry.id) }));
  }

  async take(kept: readonly KeptAppPassword[]): Promise<readonly KeptAppPassword[]> {
    const taken = await this.#change((entries) => {
      const fresh = kept.filter(({ entry }) => !entries.some((each) => isOf(each, entry.login, entry.name)));
      return { entries: [...entries, ...fresh.map(({ entry }) => entry)], result: fresh };
    });
    const used = taken.flatMap(({ entry: { id }, lastUsedAt }) => (lastUsedAt ? [[id, lastUsedAt] as const] : []));
    if (used.length > 0) await this.#write(this.#files.uses, writtenUses(new Map([...(await this.#uses()), ...used])));
    return taken;
  }

  async drop(ids: ReadonlySet<string>): Promise<void> {
    if (ids.size === 0) return;
    await this.#change((entries) => ({ entries: entries.filter(({ id }) => !ids.has(id)), result: undefined }));
  }

  async #change<T>(
    change: (entries: readonly AppPassword[]) => { readonly entries: readonly AppPassword[]; readonly result: T },
  ): Promise<T> {
    const release = await this.#lock();
    try {
      const { entries, result } = change(await this.#read());
      await this.#write(this.#files.passwords, writtenEntries(entries));
      return result;
    } finally {
      release();
    }
  }

  async #lock(): Promise<() => void> {
    const { lock } = this.#files;
    try {
      return await new FileLock(lock, lockTimeoutMs).take();
    } catch (cause) {
      if (cause instanceof BridgeError) throw cause;
      const fault = cause instanceof LockTimeoutError ? 'is locked by another command' : fileErrorText(cause);
      throw unusable(lock, fault === 'is locked by another command' ? fault : `cannot be used (${fault})`, cause);
    }
  }

  async #write(file: string, content: Buffer): Promise<void> {
    await writePrivateFile(file, content).catch((cause: unknown) => {
      throw unusable(file, `cannot be written (${fileErrorText(cause)})`, cause);
    });
  }

  async #uses(): Promise<Map<string, string>> {
    const content = await this.#content(this.#files.uses);
    return content ? this.#understood(this.#files.uses, () => readUses(content)) : new Map<string, string>();
  }

  async #read(): Promise<AppPassword[]> {
    const content = await this.#content(this.#files.passwords);
    return content ? this.#understood(this.#files.passwords, () => readEntries(content)) : [];
  }

  async #content(file: string): Promise<Buffer | undefined> {
    try {
      const found = await readPrivateFile(file, maxAppPasswordBytes);
      if ((found?.content.length ?? 0) > maxAppPasswordBytes) throw new Error('too large');
      return found?.content;
    } catch (cause) {
      if (cause instanceof BridgeError) throw cause;
      throw unusable(file, `cannot be read (${fileErrorText(cause)})`, cause);
    }
  }

  #understood<T>(file: string, read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw unusable(file, (cause as Error).message, cause);
    }
  }
}

function find(entries: readonly AppPassword[], login: string, name: string): AppPassword {
  const found = entries.find((entry) => isOf(entry, login, name));
  if (found) return found;
  throw appPasswordUnknown(login, name, entries);
}

/** The file of the app passwords, or one beside it, cannot be used. */
export function unusable(file: string, fault: string, cause?: unknown): BridgeError {
  return new BridgeError('app-passwords-unusable', `The file ${file} ${fault}.`, { cause, details: { file } });
}
