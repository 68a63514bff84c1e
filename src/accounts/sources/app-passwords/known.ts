import type { BridgeError } from '../../../base/errors.ts';
import type { AppPassword } from './entries.ts';

export type AppPasswordsByLogin = ReadonlyMap<string, readonly AppPassword[]>;

/** The app passwords known to a running bridge. */
export interface KnownAppPasswords {
  readonly byLogin: AppPasswordsByLogin;
  /** The list is complete: a password not in it is wrong. */
  readonly isWhole: boolean;
}

/** Reads app passwords in a running bridge while commands change them. */
export interface AppPasswordReader {
  /** The current app passwords; undefined if nothing could be read, or only too long ago. Never rejects. */
  current(): Promise<KnownAppPasswords | undefined>;
  /** Why nothing can be read now. */
  readonly error: BridgeError;
  /** Records that one was used; it is written soon, and nobody waits for that. */
  noteUse(id: string): void;
  /** Writes anything still pending. */
  close(): Promise<void>;
}
