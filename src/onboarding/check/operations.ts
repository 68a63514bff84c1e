import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import type { Finding } from './hops/hop.ts';
import type { ServerPeer } from './probes/peer.ts';
import type { CheckedAccount } from './subject.ts';

/** The result of requesting the tenant's OpenID configuration. */
export interface Discovery {
  /** The HTTP status. */
  readonly status: number;
  readonly body: string;
  /** The `Date` header of the answer. */
  readonly date: string | undefined;
}

/** What is known about a person's sign-in. */
export interface KnownSignIn {
  readonly username: string;
  readonly signedInAtMs: number;
  /** When the refresh token was last used. */
  readonly renewedAtMs: number;
  readonly ended?: { readonly aadsts?: string; readonly cause: string };
}

/** The credential of a confidential client, as far as it expires. */
export type KnownCredential =
  | { readonly kind: 'certificate'; readonly expiresAtMs: number }
  | { readonly kind: 'secret'; readonly firstCharacters: string; readonly looksLikeId: boolean };

/** All external effects of the check. Each method throws a BridgeError if it fails. */
export interface CheckOperations {
  /** Milliseconds since 1970 by this machine's clock. */
  now(): number;
  /** Prepares the connection: reads its files, sends nothing. */
  open(): Promise<void>;
  /** Resolves the name and opens a TCP connection. @returns how it was reached */
  reach(peer: ServerPeer): Promise<string>;
  /** Starts TLS and examines the certificate. @returns facts about it */
  secure(peer: ServerPeer): Promise<string>;
  discover(): Promise<Discovery>;
  credential(): Promise<KnownCredential | undefined>;
  /** The sign-in of a delegated connection; undefined if nobody has signed in. Left out if none is stored. */
  signIn?(): Promise<KnownSignIn | undefined>;
  getToken(resource: TokenResource): Promise<string>;
  /** Logs in to a mailbox with XOAUTH2 and returns the connection. */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string): Promise<OpenUpstream>;
  /** The login for sending as a mailbox over SMTP: the mailbox itself, or the person who signed in. */
  submissionLogin(mailbox: string): Promise<string>;
  /** Logs in over SMTP and quits. @param login see `submissionLogin`. @throws SmtpUpstreamError too */
  openSubmission(login: string): Promise<void>;
  /** Makes one Graph request. @returns the answer's body. @throws GraphError and its siblings too */
  graph(request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly json?: string }): Promise<string>;
  /** Sends a small message through one of the account's couriers. @param as a sender other than the mailbox */
  sendTest(
    account: CheckedAccount,
    courier: CourierKind,
    recipients: readonly string[],
    as?: OtherSender,
  ): Promise<Finding>;
}
