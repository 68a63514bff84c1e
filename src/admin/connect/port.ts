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
  /** Id of the invitation that was used up, if one was. */
  readonly invitation: string | undefined;
}

/** Somebody who may connect a mailbox though no domain lets them in. */
export interface ConnectInvitation {
  readonly id: string;
  /** The mailbox, in lower case. Nobody else can use the invitation. */
  readonly address: string;
  /** Who has made it: `admin token`, a person's name, `mailbridge account invite`. */
  readonly madeBy: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** When the mailbox was connected by it, ISO 8601; undefined: not yet. */
  readonly usedAt?: string;
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
  /** The newest first; those that were used or are over too, for thirty days. */
  invitations(): Promise<readonly ConnectInvitation[]>;
  /**
   * Invites somebody whose domain is not listed. The invitation is good once.
   * @returns it, and what the link says, which is told this once
   * @throws BridgeError `connect-not-open` where no account serves the address, `connect-invitations-full`
   */
  invite(
    address: string,
    days: number,
    by: string,
  ): Promise<{ readonly invitation: ConnectInvitation; readonly token: string }>;
  /** Ends an invitation; a mailbox that was connected by it stays so. @throws BridgeError `connect-invitation-unknown` */
  revoke(id: string): Promise<ConnectInvitation>;
}
