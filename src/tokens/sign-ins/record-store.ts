import { BridgeError } from '../../base/errors.ts';
import { LockTimeoutError } from '../../base/files/file-lock.ts';
import { OneAtATime } from '../../base/one-at-a-time.ts';
import { type RecordTable, recordKinds, sharedStoreUnavailable } from '../../base/record-table.ts';
import { RecordLock } from './record-lock.ts';
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

/** Options of a sign-in store in a record. */
export interface SignInRecordOptions extends SignInStoreOptions {
  readonly records: RecordTable;
}

const asideForMs = 30 * 24 * 3_600_000;
const maxCharacters = 1_000_000;
/** Tries if another instance changes it although this one holds the lock; each takes a freeze of this instance. */
const mostTries = 3;
const place = 'in the store that the instances share';

/** Returns the store of a connection's sign-in in a record shared by instances, encrypted like that in a file. */
export function openSignInRecord(options: SignInRecordOptions): SignInStore {
  return new RecordSignInStore(options);
}

interface FoundSignIn {
  /** 0: there is no record. */
  readonly version: number;
  readonly value: string;
  readonly signIn?: SignIn;
  readonly fault?: SealFault;
}

class RecordSignInStore implements SignInStore {
  readonly #options: SignInRecordOptions;
  readonly #lock: RecordLock;
  /** Within this process, no query to the store is needed to take turns. */
  readonly #turns = new OneAtATime();

  constructor(options: SignInRecordOptions) {
    this.#options = options;
    const { records, connection, clock, lockTimeoutMs = defaultLockTimeoutMs } = options;
    this.#lock = new RecordLock({
      records,
      kind: recordKinds.signInLock,
      key: connection,
      clock,
      timeoutMs: lockTimeoutMs,
    });
  }

  async read(): Promise<SignIn | undefined> {
    return (await this.#openable()).signIn;
  }

  update<T>(change: (current: SignIn | undefined) => Promise<SignInChange<T>>): Promise<T> {
    return this.#locked(async () => {
      for (let tries = 0; tries < mostTries; tries++) {
        const found = await this.#openable();
        const { signIn, result } = await change(found.signIn);
        if (signIn === undefined || (await this.#writeInPlaceOf(found, signIn))) return result;
      }
      throw this.#inUse('another instance, which changes it all the time');
    });
  }

  replace(signIn: SignIn): Promise<void> {
    return this.#locked(async () => {
      await this.#setAsideWhatCannotBeOpened();
      await this.#put(await this.#sealed(signIn));
    });
  }

  remove(): Promise<void> {
    return this.#locked(async () => {
      await this.#setAsideWhatCannotBeOpened();
      // An empty record keeps its version, so an earlier writer cannot write its sign-in in place of a later one.
      if ((await this.#find()).version > 0) await this.#put('');
    });
  }

  /** @returns false if somebody else has written meanwhile, and nothing was written */
  async #writeInPlaceOf(found: FoundSignIn, signIn: SignIn): Promise<boolean> {
    const value = await this.#sealed(signIn);
    if (await this.#put(value, found.version)) return true;
    // If two instances have used the same refresh token, the second is told that the sign-in has ended. The first one
    // has it.
    const now = await this.#openable();
    const isEndOfTheSame = now.signIn?.ended !== undefined && now.signIn.msalCache === found.signIn?.msalCache;
    return isEndOfTheSame && signIn.ended === undefined && (await this.#put(value, now.version));
  }

  async #openable(): Promise<FoundSignIn> {
    const found = await this.#find();
    if (found.fault === undefined) return found;
    const { connection } = this.#options;
    const remedy = remedyOf(found.fault, connection);
    throw signInUnopened(connection, place, found.fault, { remedy, details: { connection } });
  }

  async #find(): Promise<FoundSignIn> {
    const { records, connection, clock } = this.#options;
    const found = await this.#inStore(() => records.get(recordKinds.signIn, connection, clock.now()));
    const { value = '', version = 0 } = found ?? {};
    if (value === '') return { value, version };
    return { value, version, ...(await openSignIn(Buffer.from(value, 'base64'), this.#options)) };
  }

  async #sealed(signIn: SignIn): Promise<string> {
    const value = (await sealSignIn(signIn, this.#options)).toString('base64');
    if (value.length <= maxCharacters) return value;
    const { connection } = this.#options;
    const message = `The sign-in of connection "${connection}" (${place}) cannot be written (it is too large).`;
    throw new BridgeError('sign-in-file-unusable', message, { details: { connection } });
  }

  async #put(value: string, ifVersion?: number): Promise<boolean> {
    const { records, connection } = this.#options;
    const options = ifVersion === undefined ? {} : { ifVersion };
    return (await this.#inStore(() => records.put(recordKinds.signIn, connection, value, options))) !== undefined;
  }

  async #setAsideWhatCannotBeOpened(): Promise<void> {
    const { records, connection, clock, log } = this.#options;
    const { fault, value } = await this.#find();
    if (fault === undefined) return;
    const nowMs = clock.now();
    const aside = `${connection} ${new Date(nowMs).toISOString()}`;
    await this.#inStore(() =>
      records.put(recordKinds.signInUnreadable, aside, value, { expiresAtMs: nowMs + asideForMs }),
    );
    log.warn({ connection, aside, code: signInFaultCodes[fault] }, 'a sign-in that could not be opened was set aside');
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      const release = await this.#inStore(() => this.#lock.take());
      try {
        return await work();
      } finally {
        await release();
      }
    });
  }

  async #inStore<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof LockTimeoutError) throw this.#inUse(cause.message, cause);
      throw sharedStoreUnavailable(`The sign-in of connection "${this.#options.connection}" is`, cause);
    }
  }

  #inUse(holder: string, cause?: unknown): BridgeError {
    const { connection } = this.#options;
    const message = `The sign-in of connection "${connection}" (${place}) is in use by ${holder}.`;
    return new BridgeError('sign-in-file-locked', message, { cause, details: { connection } });
  }
}

function remedyOf(fault: SealFault, connection: string): string {
  const anew = `"mailbridge login ${connection}"`;
  if (fault === 'key-wrong') {
    return `Give this instance the tokenKey that the others have. If that is lost, give all of them a new one and sign in again with "mailbridge login ${connection} --replace".`;
  }
  if (fault === 'newer') return `Install that version here too, or sign in again with ${anew}, which sets it aside.`;
  if (fault === 'other-owner') {
    return `Sign in again with ${anew}, which sets it aside, or set clientId, tenantId and cloud to what the other instances have.`;
  }
  return `Sign in again with ${anew}, which sets it aside.`;
}
