import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { RecordTable } from '../../../base/record-table.ts';
import type { PasswordProof } from '../../password-proof.ts';
import type { PasswordSource, SourceVerdict } from '../../password-source.ts';
import { AppPasswordFileReader } from './files/reader.ts';
import type { AppPasswordReader } from './known.ts';
import { AppPasswordRecordReader } from './records/reader.ts';
import { digestOf, makeSecret, matchesDigest, typedSecret } from './secret.ts';

export interface AppPasswordsOptions {
  readonly dataDir: string;
  /** Set if instances share them; undefined if they are in the data folder. */
  readonly shared?: RecordTable | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** App passwords of the data folder, or of all instances, which commands change while the bridge runs. */
export class AppPasswords implements PasswordSource {
  readonly leastRefusalMs = 0;
  readonly #reader: AppPasswordReader;
  /** Compared if there is no real one, so that unknown names take as long as known ones. */
  readonly #nobodys = digestOf(makeSecret());
  #isUnavailable = false;

  constructor({ shared, ...options }: AppPasswordsOptions) {
    this.#reader = shared
      ? new AppPasswordRecordReader({ ...options, records: shared })
      : new AppPasswordFileReader(options);
  }

  get isUnavailable(): boolean {
    return this.#isUnavailable;
  }

  async verify(person: string, given: string | PasswordProof): Promise<SourceVerdict> {
    const known = await this.#reader.current();
    this.#isUnavailable = !known?.isWhole;
    const own = known?.byLogin.get(person);
    if (typeof given !== 'string') return { verdict: 'wrong', ...(own && { why: 'password-hashed' }) };
    const typed = typedSecret(given);
    if (typed === undefined) return { verdict: 'wrong' };
    const right = (own ?? [undefined]).filter((each) => matchesDigest(typed, each ?? this.#nobodys));
    const [used] = right;
    if (used) {
      this.#reader.noteUse(used.id);
      return { verdict: 'right' };
    }
    return known?.isWhole ? { verdict: 'wrong' } : { verdict: 'unavailable', error: this.#reader.error };
  }

  async prepare(): Promise<void> {
    this.#isUnavailable = !(await this.#reader.current())?.isWhole;
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}
