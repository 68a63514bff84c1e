import type { MailServers } from './mail-servers.ts';

/** A code that a person enters at Microsoft. */
export interface ConnectCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAtMs: number;
}

/** A Microsoft page where a person signs in. */
export interface ConnectLink {
  readonly url: string;
  /** Returns with the browser, and identifies the sign-in. */
  readonly state: string;
  /** Takes the URL that the browser has returned to. */
  take(redirect: URL): void;
}

/** Notified while somebody signs in: of a code or a link, depending on the connection. */
export interface ConnectWatcher {
  onCode(code: ConnectCode): void;
  onLink(link: ConnectLink): void;
  readonly signal: AbortSignal;
  /** As given; undefined: none. */
  readonly invitation: string | undefined;
}

/** A newly connected mailbox. */
export interface ConnectedMailbox {
  /** Who has signed in, according to Microsoft. */
  readonly address: string;
  /** Valid for this mailbox only; not stored. */
  readonly password: string;
  /** Id of the invitation that was used up, if any. */
  readonly invitation: string | undefined;
}

/** Permission to connect a mailbox whose domain is not listed. */
export interface ConnectInvitation {
  readonly id: string;
  /** The mailbox, in lower case. Nobody else can use the invitation. */
  readonly address: string;
  /** Who made it: `admin token`, a person's name, `mailbridge account invite`. */
  readonly madeBy: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** When the mailbox was connected with it, ISO 8601; undefined: not yet. */
  readonly usedAt?: string;
}

/** Lets people connect their own mailboxes. */
export interface ConnectPort {
  /** In lower case. */
  readonly domains: readonly string[];
  /** Where people reach the pages: an origin. Undefined: wherever they have found them. */
  readonly publicUrl: string | undefined;
  servers(): MailServers;
  /** The authority to trust, PEM; undefined if the certificate is from a public one. */
  authority(): Promise<string | undefined>;
  /**
   * Signs somebody in at Microsoft, tries their mailbox, and makes a password for it.
   * @throws BridgeError `connect-not-open` if that is not permitted, and errors of the sign-in or the mailbox
   */
  connect(watcher: ConnectWatcher): Promise<ConnectedMailbox>;
  /** Newest first; including used and expired ones for thirty days. */
  invitations(): Promise<readonly ConnectInvitation[]>;
  /**
   * Invites somebody whose domain is not listed. The invitation can be used once.
   * @returns it, and the token of the link, which is only shown now
   * @throws BridgeError `connect-not-open` if no account serves the address, `connect-invitations-full`
   */
  invite(
    address: string,
    days: number,
    by: string,
  ): Promise<{ readonly invitation: ConnectInvitation; readonly token: string }>;
  /**
   * Ends an invitation; a mailbox connected with it stays connected. @throws BridgeError `connect-invitation-unknown`
   */
  revoke(id: string): Promise<ConnectInvitation>;
}
