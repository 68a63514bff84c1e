import type { HttpClient } from '../../base/http/client.ts';
import type { BegunHop, Finding, HopResult } from '../check/hops/hop.ts';
import type { ConfigChange } from '../config-edit.ts';
import type { ScriptAccount } from '../exchange-script/input.ts';
import type { AnswerRules } from '../init-questions.ts';
import type { AppCredential } from '../registration/credentials.ts';

/** The servers of a cloud that a set-up uses itself. */
export interface SetupCloud {
  /** `https://host[:port]` */
  readonly authority: string;
  /** `https://host[:port]` */
  readonly graph: string;
  readonly exchangeScope: string;
  readonly graphScope: string;
  /** PEM file of the authorities to trust in addition to the well-known ones, absolute. */
  readonly caFile?: string;
}

/** The configuration at this moment. */
export interface PresentConfig {
  readonly path: string;
  readonly exists: boolean;
  /** Absolute; relative paths start here. */
  readonly folder: string;
  /** Absolute. */
  readonly dataDir: string;
  readonly connections: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly usernames: readonly string[];
  readonly listeners: readonly { readonly protocol: string }[];
  accountsOf(connection: string): readonly ScriptAccount[];
  /** The credential that a connection names; undefined if it has none, or it is not available. */
  credentialOf(connection: string): Promise<AppCredential | undefined>;
}

/** Settings with which programs reach the bridge. */
export interface ClientSetting {
  readonly protocol: 'smtp' | 'imap' | 'pop3';
  readonly hosts: readonly string[];
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
}

/** How an administrator signs in. */
export type AdministratorWay = 'device-code' | 'browser';

/** Notified while somebody signs in. */
export interface SignInWatcher {
  onCode(code: { readonly userCode: string; readonly verificationUri: string; readonly expiresAtMs: number }): void;
  readonly signal: AbortSignal;
}

/** What a guided set-up needs from the program around it. */
export interface SetupPorts {
  readonly rules: AnswerRules;
  /** Names of the clouds that need no description. */
  readonly cloudNames: readonly string[];
  /** `admin` for a newly written configuration: the address of this page. */
  admin(): Readonly<Record<string, unknown>>;
  /** @param cloud as given @throws BridgeError `config-invalid` */
  cloudOf(cloud: unknown, tenantId: string): SetupCloud;
  /** The caller closes it. */
  openHttp(cloud: SetupCloud): Promise<HttpClient>;
  hashPassword(password: string): Promise<string>;
  config(): Promise<PresentConfig>;
  /** Writes a configuration if there is none, once the loader has accepted it. @throws BridgeError */
  create(config: Readonly<Record<string, unknown>>): Promise<void>;
  /** Changes the existing configuration, once the loader has accepted the change. @throws BridgeError */
  change(changes: readonly ConfigChange[]): Promise<void>;
  /** Puts the configuration into force: starts the bridge, or reloads it. @throws BridgeError */
  apply(): Promise<void>;
  /** Whether some of the configuration waits for a restart. */
  needsRestart(): boolean;
  /** Settings for programs. Empty before {@link apply}. */
  clientSettings(): readonly ClientSetting[];
  /** The authority that programs have to trust, PEM; undefined if the certificate is not a local one. */
  authority(): Promise<string | undefined>;
  /**
   * Who has signed in for a connection of the configuration; undefined: nobody, or unknown.
   * @param mailbox the owner of the sign-in, if each mailbox has its own
   */
  signedInUser(connection: string, mailbox: string): Promise<string | undefined>;
  /** Signs a person in for a connection of the configuration, and stores the sign-in. @returns who it is */
  signIn(connection: string, mailbox: string, watcher: SignInWatcher): Promise<string>;
  /** Tries the hops of one connection. @param onBegin called before each is tried */
  check(connection: string, onBegin: (hop: BegunHop) => void): AsyncIterable<HopResult>;
  /** Sends a test message from an account through the bridge, and follows it. @throws BridgeError */
  sendTest(username: string, to: string): Promise<Finding>;
}
