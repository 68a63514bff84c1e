import type { Clock } from '../../base/clock.ts';
import { BridgeError, type ErrorCode } from '../../base/errors.ts';
import {
  fileErrorText,
  readPrivateFile,
  removeDurably,
  renameDurably,
  writePrivateFile,
} from '../../base/files/private-file.ts';
import type { Log } from '../../base/log.ts';
import { FileLock, LockTimeoutError } from './file-lock.ts';
import { openSealed, type Seal, type SealFault, sealText } from './sealed-file.ts';

/** A person's sign-in, and what renews it. */
export interface SignIn {
  /** `https://host[:port]` */
  readonly authority: string;
  /** As configured. */
  readonly tenantId: string;
  readonly clientId: string;
  /** User principal name of who signed in. */
  readonly username: string;
  /** The person's own tenant (`tid`). */
  readonly homeTenantId: string;
  /** Scopes granted, by resource, as Entra ID named them. */
  readonly scopes: { readonly graph?: readonly string[]; readonly exchange?: readonly string[] };
  readonly signedInAtMs: number;
  /** When the refresh token was last used. */
  readonly renewedAtMs: number;
  /** The Microsoft library's token cache, serialized. Holds the refresh token: as secret as a password. */
  readonly msalCache: string;
  /** Set when Entra ID has ended the sign-in: what it said. */
  readonly ended?: { readonly atMs: number; readonly aadsts?: string; readonly cause: string };
}

/** What a change of a sign-in leads to. */
export interface SignInChange<T> {
  /** What to store; left out, the sign-in stays as it is. */
  readonly signIn?: SignIn | undefined;
  /** What {@link SignInStore.update} returns. */
  readonly result: T;
}

/**
 * Where the sign-in of one connection is kept. Any number of processes may share it. A file that cannot be opened is
 * never overwritten: `read` and `update` refuse it, `replace` and `remove` move it aside.
 *
 * Everything throws BridgeError `sign-in-file-unusable`; where it has to open the file `sign-in-file-foreign`,
 * `sign-in-file-newer`, `sign-in-file-damaged`, `sign-in-file-key-wrong`, `sign-in-file-other-app`; where it changes
 * the file `sign-in-file-locked`; and what the key throws.
 */
export interface SignInStore {
  /** The sign-in, or undefined where nobody has signed in yet. Waits for no lock. */
  read(): Promise<SignIn | undefined>;
  /** Reads, changes and writes under a lock that holds across processes. When `change` throws nothing is written. */
  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T>;
  /** Stores a new sign-in, whatever was there before. */
  replace(signIn: SignIn): Promise<void>;
  /** Forgets the sign-in. */
  remove(): Promise<void>;
}

/** What a sign-in store needs. */
export interface SignInStoreOptions {
  /** Name of the connection, for messages. */
  readonly connection: string;
  /** Made on first use with its folder; FILE.lock and FILE.tmp stand beside it. */
  readonly file: string;
  /** The app registration that the sign-in is for: that of another is refused. */
  readonly app: { readonly authority: string; readonly tenantId: string; readonly clientId: string };
  /** 32 bytes; asked for when first needed. */
  readonly key: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long to wait for the lock; default 120,000, as others ask Entra ID for tokens while they have it. */
  readonly lockTimeoutMs?: number | undefined;
}

const faultCodes: Readonly<Record<SealFault, ErrorCode>> = {
  foreign: 'sign-in-file-foreign',
  newer: 'sign-in-file-newer',
  damaged: 'sign-in-file-damaged',
  'other-owner': 'sign-in-file-other-app',
  'key-wrong': 'sign-in-file-key-wrong',
};

const faultTexts: Readonly<Record<SealFault, string>> = {
  foreign: 'is not a mailbridge sign-in',
  newer: 'was written by a later version of mailbridge',
  damaged: 'is damaged',
  'other-owner': 'belongs to another app registration or tenant than the connection names now',
  'key-wrong': 'was encrypted with another key',
};

// A token cache with the tokens of a few resources has some tens of kilobytes.
const maxFileBytes = 4 * 1024 * 1024;

/** The store of a connection's sign-in, encrypted in a file of mode 0600. Nothing is opened before it is used. */
export function openSignInStore(options: SignInStoreOptions): SignInStore {
  return new FileSignInStore(options);
}

class FileSignInStore implements SignInStore {
  readonly #options: SignInStoreOptions;
  readonly #lock: FileLock;
  readonly #owner: string;

  constructor(options: SignInStoreOptions) {
    this.#options = options;
    this.#lock = new FileLock(`${options.file}.lock`, options.lockTimeoutMs ?? 120_000);
    const { authority, tenantId, clientId } = options.app;
    this.#owner = [new URL(authority).origin, tenantId.toLowerCase(), clientId.toLowerCase()].join('|');
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
    const opened = openSealed(found.content, await this.#seal());
    // Sealed with our key, so it is what was stored.
    return 'fault' in opened ? opened : { signIn: JSON.parse(opened.text) as SignIn };
  }

  async #write(signIn: SignIn): Promise<void> {
    const content = sealText(JSON.stringify(signIn), await this.#seal());
    await this.#onDisk('written', () => writePrivateFile(this.#options.file, content));
  }

  async #moveAsideWhatCannotBeOpened(): Promise<void> {
    const { file, connection, clock, log } = this.#options;
    const found = await this.#open();
    if (found === undefined || !('fault' in found)) return;
    const aside = `${file}.unreadable-${new Date(clock.now()).toISOString().replace(/[:.]/g, '-')}`;
    await this.#onDisk('moved aside', () => renameDurably(file, aside));
    log.warn(
      { connection, file, aside, code: faultCodes[found.fault] },
      'a sign-in that could not be opened was moved',
    );
  }

  async #seal(): Promise<Seal> {
    return { key: await this.#options.key(), owner: this.#owner };
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
    const message = `The sign-in of connection "${connection}" (${file}) ${faultTexts[fault]}.`;
    return new BridgeError(faultCodes[fault], message, { details: { connection, file } });
  }
}
