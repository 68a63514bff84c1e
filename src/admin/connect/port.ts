import type { MailServers } from './mail-servers.ts';

/** A code that a person enters at Microsoft. */
export interface ConnectCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAtMs: number;
}

/** A page of Microsoft's that a person signs in at. */
export interface ConnectLink {
  readonly url: string;
  /** Comes back with the browser, and tells which of several sign-ins it belongs to. */
  readonly state: string;
  /** Takes the address that the browser has come back to. */
  take(redirect: URL): void;
}

/** What is told while somebody signs in: a code or a link, as the connection has it. */
export interface ConnectWatcher {
  onCode(code: ConnectCode): void;
  onLink(link: ConnectLink): void;
  readonly signal: AbortSignal;
  /** As it was given; undefined: none. */
  readonly invitation: string | undefined;
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
  servers(): MailServers;
  /** The authority to trust, PEM; undefined where the certificate is from a public one. */
  authority(): Promise<string | undefined>;
  /**
   * Signs somebody in at Microsoft, tries their mailbox, and makes a password for it.
   * @throws BridgeError `connect-not-open` for whoever may not, and what the sign-in or the mailbox say
   */
  connect(watcher: ConnectWatcher): Promise<ConnectedMailbox>;
  /**
   * Invites somebody whose domain is not listed.
   * @returns what they show when they sign in, and until when, milliseconds since 1970
   * @throws BridgeError `connect-not-open` where no account serves the address
   */
  invite(address: string, days: number): Promise<{ readonly invitation: string; readonly expiresAtMs: number }>;
}
