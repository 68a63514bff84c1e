import type { BridgeError } from '../../../base/errors.ts';
import type { AppPassword } from './entries.ts';

export type AppPasswordsByLogin = ReadonlyMap<string, readonly AppPassword[]>;

/** The app passwords that there are, as far as a running bridge knows. */
export interface KnownAppPasswords {
  readonly byLogin: AppPasswordsByLogin;
  /** There are no others: what is not among them is wrong. */
  readonly isWhole: boolean;
}

/** Where a running bridge reads app passwords, which commands change meanwhile. */
export interface AppPasswordReader {
  /** What holds now; undefined where nothing could be read, or too long ago. Never rejects. */
  current(): Promise<KnownAppPasswords | undefined>;
  /** Why nothing can be read at this moment. */
  readonly error: BridgeError;
  /** Notes that one was used, which is written soon; nobody waits for that. */
  noteUse(id: string): void;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}
