import type { Clock } from '../../../../base/clock.ts';
import type { BridgeError } from '../../../../base/errors.ts';
import type { Log } from '../../../../base/log.ts';
import { type RecordTable, recordKinds, sharedStoreUnavailable } from '../../../../base/record-table.ts';
import { readEntry } from '../entries.ts';
import type { AppPasswordReader, AppPasswordsByLogin, KnownAppPasswords } from '../known.ts';
import { NotedUses } from '../noted-uses.ts';
import { changeKey } from './keys.ts';
import { noteUsesEveryMs, writeUses } from './uses.ts';

export interface AppPasswordRecordReaderOptions {
  readonly records: RecordTable;
  readonly clock: Clock;
  readonly log: Log;
}

const lookEveryMs = 1_000;
/** A login waits no longer than this for a store that does not answer. */
const patienceMs = 2_000;
/** All are read again this often even without a reported change: a command may have died before reporting one. */
const readAgainMs = 30_000;
/** While the store is unavailable, passwords read longer ago than this are no longer accepted. */
const rememberMs = 10 * 60_000;

interface ReadPasswords {
  readonly byLogin: AppPasswordsByLogin;
  readonly ids: ReadonlySet<string>;
  /** Version of the record that changes with them. */
  readonly version: number;
  readonly readAtMs: number;
}

/**
 * Reads app passwords shared by instances. A check for changes happens on use, at most once a second. While the store
 * is unavailable, those last read are accepted for a while, and no password is reported as wrong, because it may have
 * been made since.
 */
export class AppPasswordRecordReader implements AppPasswordReader {
  readonly #options: AppPasswordRecordReaderOptions;
  readonly #uses: NotedUses;
  #read: ReadPasswords | undefined;
  #triedMs = Number.NEGATIVE_INFINITY;
  /** When the store last answered. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #error: BridgeError | undefined;
  /** Already reported. */
  readonly #unreadable = new Set<string>();

  constructor(options: AppPasswordRecordReaderOptions) {
    this.#options = options;
    const { records, clock } = options;
    this.#uses = new NotedUses({
      ...options,
      noteEveryMs: noteUsesEveryMs,
      isKnown: (id) => this.#read?.ids.has(id) ?? false,
      write: (uses) => writeUses(records, uses, clock.now()),
    });
  }

  async current(): Promise<KnownAppPasswords | undefined> {
    const { clock } = this.#options;
    // If the clock was set back, there is no waiting for it.
    if (!isWithin(clock.now() - this.#triedMs, lookEveryMs)) this.#look();
    // If the last look failed, those who can be served from memory do not wait.
    if (this.#error === undefined || !this.#isUsable) await this.#lookPatiently();
    const isWhole = this.#error === undefined;
    return this.#read && this.#isUsable ? { byLogin: this.#read.byLogin, isWhole } : undefined;
  }

  get error(): BridgeError {
    return this.#error ?? sharedStoreUnavailable('App passwords are', new Error('it has not answered yet'));
  }

  noteUse(id: string): void {
    this.#uses.note(id);
  }

  async close(): Promise<void> {
    await this.#uses.close();
  }

  get #isUsable(): boolean {
    return this.#read !== undefined && isWithin(this.#options.clock.now() - this.#toldMs, rememberMs);
  }

  #look(): void {
    this.#triedMs = this.#options.clock.now();
    this.#looking ??= this.#ask()
      .then(
        () => this.#setError(undefined),
        (cause: unknown) => this.#setError(cause),
      )
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #lookPatiently(): Promise<void> {
    if (this.#looking === undefined) return;
    const { promise, resolve } = Promise.withResolvers<'late'>();
    const cancel = this.#options.clock.after(patienceMs, () => resolve('late'));
    const looked = await Promise.race([this.#looking, promise]);
    cancel();
    if (looked === 'late') this.#setError(new Error(`no answer within ${patienceMs} ms`));
  }

  async #ask(): Promise<void> {
    const { records, clock } = this.#options;
    const nowMs = clock.now();
    const version = (await records.get(recordKinds.appPasswordChange, changeKey, nowMs))?.version ?? 0;
    if (this.#read?.version !== version || !isWithin(nowMs - this.#read.readAtMs, readAgainMs)) {
      const found = await records.list(recordKinds.appPassword, nowMs);
      const entries = [...found].flatMap(([key, { value }]) => readEntry(value) ?? this.#skipped(key));
      const byLogin = Map.groupBy(entries, ({ login }) => login);
      this.#read = { byLogin, ids: new Set(entries.map(({ id }) => id)), version, readAtMs: nowMs };
    }
    this.#toldMs = clock.now();
  }

  /** A password that is damaged, or of a later version, is not accepted; the others are. */
  #skipped(key: string): [] {
    if (!this.#unreadable.has(key)) {
      this.#unreadable.add(key);
      this.#options.log.error({ code: 'app-passwords-unusable', key }, 'an app password in the store is damaged');
    }
    return [];
  }

  #setError(cause: unknown): void {
    const { log } = this.#options;
    const before = this.#error;
    this.#error = cause === undefined ? undefined : sharedStoreUnavailable('App passwords are', cause);
    if (this.#error && !before) log.error({ error: this.#error }, 'app passwords: using those in memory for now');
    if (!this.#error && before) log.info({}, 'app passwords can be read again');
  }
}

/** Tells whether less than that has passed, and the clock was not set back by as much. */
function isWithin(passedMs: number, mostMs: number): boolean {
  return Math.abs(passedMs) < mostMs;
}
