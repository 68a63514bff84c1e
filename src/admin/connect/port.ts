import type { MailServers } from './mail-servers.ts';

/** A code that a person enters at Microsoft. */
export interface ConnectCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAtMs: number;
}

/** A mailbox that is connected now. */
export interface ConnectedMailbox {
  /** Who has signed in, as Microsoft says. */
  readonly address: string;
  /** Of this mailbox alone; kept nowhere. */
  readonly password: string;
}

/** What people connect their mailboxes by themselves with. */
export interface ConnectPort {
  /** In lower case. */
  readonly domains: readonly string[];
  /** Where people reach the pages: an origin. Undefined: wherever they have found them. */
  readonly publicUrl: string | undefined;
  /** Whether an address of a domain may connect its mailbox, whoever asks. */
  isOpenFor(address: string): boolean;
  servers(): MailServers;
  /** The authority to trust, PEM; undefined where the certificate is from a public one. */
  authority(): Promise<string | undefined>;
  /**
   * Signs somebody in at Microsoft, tries their mailbox, and makes a password for it.
   * @throws BridgeError `connect-not-open` for whoever may not, and what the sign-in or the mailbox say
   */
  connect(watcher: { onCode(code: ConnectCode): void; readonly signal: AbortSignal }): Promise<ConnectedMailbox>;
}
