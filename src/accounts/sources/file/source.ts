import type { Clock } from '../../../base/clock.ts';
import { BridgeError } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { PasswordProof } from '../../password-proof.ts';
import type { PasswordSource, SourceVerdict } from '../../password-source.ts';
import type { PasswordVerifier } from '../../password-verifier.ts';
import type { RereadFile } from '../reread-file.ts';
import { lineProblemsText, openToOthersText, type PasswordFile, rereadPasswordFile, unusableFile } from './read.ts';

export interface FilePasswordsOptions {
  /** Absolute. */
  readonly file: string;
  /** Derives the hashes: it limits how many at once, for all accounts. */
  readonly verifier: PasswordVerifier;
  readonly clock: Clock;
  readonly log: Log;
}

/** Checks passwords against a file with lines of `name:hash`, which is read again when it changes. */
export class FilePasswords implements PasswordSource {
  readonly leastRefusalMs = 0;
  readonly #options: FilePasswordsOptions;
  readonly #file: RereadFile<PasswordFile>;
  #isUnavailable = false;

  constructor(options: FilePasswordsOptions) {
    const { file, clock } = options;
    this.#options = options;
    this.#file = rereadPasswordFile({
      file,
      clock,
      onFault: (fault) => this.#tellFault(fault),
      onTaken: (found) => this.#tellTaken(found),
    });
  }

  get isUnavailable(): boolean {
    return this.#isUnavailable;
  }

  /** An unknown name costs as much as a known one; the verifier ensures that. */
  async verify(person: string, given: string | PasswordProof, network: string): Promise<SourceVerdict> {
    const { file, verifier } = this.#options;
    const found = await this.#file.current();
    this.#isUnavailable = found === undefined;
    if (!found) return { verdict: 'unavailable', error: unusableFile(file, this.#file.fault ?? 'cannot be read') };
    const stored = found.hashes.get(person);
    const verdict = await verifier.verify(person, stored, given, network);
    const isUncheckable = verdict === 'wrong' && typeof given !== 'string' && stored !== undefined;
    return isUncheckable ? { verdict, why: 'password-hashed' } : { verdict };
  }

  async prepare(): Promise<void> {
    this.#isUnavailable = (await this.#file.current()) === undefined;
  }

  async close(): Promise<void> {}

  #tellFault(fault: string | undefined): void {
    const { file, log } = this.#options;
    if (fault === undefined) log.info({ file }, `the password file ${file} can be read again`);
    else log.error({ file, error: unusableFile(file, fault) }, `the password file ${file} ${fault}`);
  }

  #tellTaken(found: PasswordFile): void {
    const { file, log } = this.#options;
    log.info({ file, people: found.hashes.size }, `the password file ${file} was read`);
    if (found.isOpenToOthers) log.warn({ file }, openToOthersText(file));
    const problems = lineProblemsText(found);
    if (problems === undefined) return;
    const error = new BridgeError('password-line-invalid', `The password file ${file} has invalid lines.`);
    log.error({ file, error }, `the password file ${file}: ${problems}`);
  }
}
