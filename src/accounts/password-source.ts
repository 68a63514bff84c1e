import type { BridgeError } from '../base/errors.ts';
import type { PasswordProof } from './password-proof.ts';

/**
 * A source's verdict on a password. `wrong`: unknown name or wrong password, which neither the text nor the amount of
 * work distinguishes. `unavailable`: the source's backend cannot be reached now. `busy`: too many requests.
 */
export type SourceVerdict =
  | { readonly verdict: 'right' }
  | {
      readonly verdict: 'wrong';
      /** Only for the log: the client sent a proof, which cannot be checked here. */
      readonly why?: 'password-hashed';
    }
  | { readonly verdict: 'busy' }
  | {
      readonly verdict: 'unavailable';
      /** For the log, which already has it in full, once for each time the source fails. */
      readonly error: BridgeError;
    };

/** Checks passwords that are not in the configuration. */
export interface PasswordSource {
  /** Whether it was unavailable when last used. */
  readonly isUnavailable: boolean;
  /**
   * Minimum duration of a refusal, in milliseconds, for everyone: a remote source may answer sooner for a name it does
   * not know.
   */
  readonly leastRefusalMs: number;
  /**
   * Never rejects.
   * @param person the login name, as {@link folded}
   * @param network the client's, as returned by {@link sourceNetwork}
   */
  verify(person: string, given: string | PasswordProof, network: string): Promise<SourceVerdict>;
  /**
   * Checks that it is available, so that problems are reported at the start and not at the first login. Never rejects.
   */
  prepare(): Promise<void>;
  /** Closes connections and timers; it can still be used afterwards. */
  close(): Promise<void>;
}

/** What `mailbridge check` reports about a working source. */
export interface SourceFinding {
  readonly detail: string;
  /** What should be changed nevertheless. */
  readonly warning?: string;
}
