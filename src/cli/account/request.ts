import type { AppPasswordStore } from '../../accounts/sources/app-passwords/store.ts';
import type { ConfiguredLogins } from '../../app/passwords/logins.ts';
import type { Config } from '../../config/schema.ts';
import type { CliIo } from '../terminal/io.ts';

/** What `mailbridge account` was asked for. */
export interface AccountRequest {
  /** As typed; undefined: all. */
  readonly login: string | undefined;
  /** What the password is for. */
  readonly name: string;
  readonly json: boolean;
  readonly nowMs: number;
  readonly logins: ConfiguredLogins;
  readonly config: Config;
}

/** Runs the action. @returns the exit code @throws BridgeError */
export type AccountAction = (store: AppPasswordStore, request: AccountRequest, io: CliIo) => Promise<number>;
