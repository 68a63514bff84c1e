import { BridgeError } from '../../base/errors.ts';
import { FileLock, LockTimeoutError } from '../../base/files/file-lock.ts';
import {
  fileErrorText,
  readPrivateFile,
  removeDurably,
  renameDurably,
  writePrivateFile,
} from '../../base/files/private-file.ts';
import type { SealFault } from './sealed-file.ts';
import {
  defaultLockTimeoutMs,
  openSignIn,
  type SignIn,
  type SignInChange,
  type SignInStore,
  type SignInStoreOptions,
  sealSignIn,
  signInFaultCodes,
  signInUnopened,
} from './store.ts';

/** Options of a sign-in store in a file. */
export interface SignInFileOptions extends SignInStoreOptions {
  /** Created on first use along with its folder; FILE.lock and FILE.tmp are beside it. */
  readonly file: string;
}

// A token cache with the tokens of a few resources has some tens of kilobytes.
const maxFileBytes = 4 * 1024 * 1024;

/** Returns the store of a connection's sign-in, encrypted in a file of mode 0600. Opens nothing before it is used. */
export function openSignInFile(options: SignInFileOptions): SignInStore {
  return new FileSignInStore(options);
}

class FileSignInStore implements SignInStore {
  readonly #options: SignInFileOptions;
  readonly #lock: FileLock;

  constructor(options: SignInFileOptions) {
    this.#options = options;
    this.#lock = new FileLock(`${options.file}.lock`, options.lockTimeoutMs ?? defaultLockTimeoutMs);
  }

  async read(): Promise<SignIn | undefined> {
    const found = await this.#open();
    if (found === undefined) return undefined;
    if ('fault' in found) throw this.#refusal(found.fault);
    return found.signIn;
  }

  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T> {
    return this.#locked(async () => {
      const { signIn, result } = await change(await this.read());
      if (signIn !== undefined) await this.#write(signIn);
      return result;
    });
  }

  replace(signIn: SignIn): Promise<void> {
    return this.#locked(async () => {
      await this.#moveAsideWhatCannotBeOpened();
      await this.#write(signIn);
    });
  }

  remove(): Promise<void> {
    return this.#locked(async () => {
      await this.#moveAsideWhatCannotBeOpened();
      await this.#onDisk('removed', () => removeDurably(this.#options.file));
    });
  }

  async #open(): Promise<{ readonly signIn: SignIn } | { readonly fault: SealFault } | undefined> {
    const { file, connection, log } = this.#options;
    const found = await this.#onDisk('read', () => readPrivateFile(file, maxFileBytes));
    if (found === undefined) return undefined;
    if (found.wasOpenToOthers)
      log.warn({ connection, file }, 'the sign-in was readable by other users: permissions corrected');
    if (found.content.length > maxFileBytes) return { fault: 'foreign' };
    return await openSignIn(found.content, this.#options);
  }

  async #write(signIn: SignIn): Promise<void> {
    const content = await sealSignIn(signIn, this.#options);
    await this.#onDisk('written', () => writePrivateFile(this.#options.file, content));
  }

  async #moveAsideWhatCannotBeOpened(): Promise<void> {
    const { file, connection, clock, log } = this.#options;
    const found = await this.#open();
    if (found === undefined || !('fault' in found)) return;
    const aside = `${file}.unreadable-${new Date(clock.now()).toISOString().replace(/[:.]/g, '-')}`;
    await this.#onDisk('moved aside', () => renameDurably(file, aside));
    log.warn(
      { connection, file, aside, code: signInFaultCodes[found.fault] },
      'a sign-in that could not be opened was moved',
    );
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#onDisk('locked', () => this.#lock.take());
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #onDisk<T>(verb: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#failure(verb, error);
    }
  }

  #failure(verb: string, cause: unknown): BridgeError {
    if (cause instanceof BridgeError) return cause;
    const { connection, file } = this.#options;
    const details = { connection, file };
    if (cause instanceof LockTimeoutError) {
      const message = `The sign-in of connection "${connection}" (${file}) is in use by another process.`;
      return new BridgeError('sign-in-file-locked', message, { cause, details });
    }
    const why = fileErrorText(cause);
    const message = `The sign-in of connection "${connection}" (${file}) cannot be ${verb} (${why}).`;
    return new BridgeError('sign-in-file-unusable', message, { cause, details });
  }

  #refusal(fault: SealFault): BridgeError {
    const { connection, file } = this.#options;
    return signInUnopened(connection, file, fault, { details: { connection, file } });
  }
}
