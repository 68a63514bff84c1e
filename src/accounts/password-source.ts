import type { BridgeError } from '../base/errors.ts';
import type { PasswordProof } from './password-proof.ts';

/**
 * What a source says of a password. `wrong`: nobody of that name, or another password, which is not told apart in words,
 * nor by the work that is done. `unavailable`: what the source asks cannot be asked now. `busy`: too many ask.
 */
export type SourceVerdict =
  | { readonly verdict: 'right' }
  | {
      readonly verdict: 'wrong';
      /** For the log alone: a proof came, which cannot be checked here. */
      readonly why?: 'password-hashed';
    }
  | { readonly verdict: 'busy' }
  | {
      readonly verdict: 'unavailable';
      /** For the log, which has it already in full: once for each time that the source fails. */
      readonly error: BridgeError;
    };

/** Where passwords are checked that do not stand in the configuration. */
export interface PasswordSource {
  /** Whether it could not be asked when it was last. */
  readonly isUnavailable: boolean;
  /**
   * How long a refusal takes at least, in milliseconds, for everybody: what is asked elsewhere may answer sooner for a
   * name that it does not know.
   */
  readonly leastRefusalMs: number;
  /**
   * Never rejects.
   * @param person the name that somebody logs in with, as {@link folded}
   * @param network where they are, as {@link sourceNetwork} says it
   */
  verify(person: string, given: string | PasswordProof, network: string): Promise<SourceVerdict>;
  /** Looks whether it can be asked, so that what is wrong is told at the start and not at the first login. Never rejects. */
  prepare(): Promise<void>;
  /** Lets go of connections and timers; it may be asked afterwards, too. */
  close(): Promise<void>;
}

/** What `mailbridge check` finds of a source that works. */
export interface SourceFinding {
  readonly detail: string;
  /** What should be changed nevertheless. */
  readonly warning?: string;
}
