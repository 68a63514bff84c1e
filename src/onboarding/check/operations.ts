import type { OpenUpstream } from '../../exchange/reading/connect.ts';
import type { CourierKind } from '../../message/courier-kind.ts';
import type { OtherSender } from '../../message/sender-way.ts';
import type { TokenResource } from '../../tokens/token-source.ts';
import type { Finding } from './hops/hop.ts';
import type { ServerPeer } from './probes/peer.ts';
import type { CheckedAccount } from './subject.ts';

/** What the tenant's OpenID configuration said. */
export interface Discovery {
  /** The HTTP status. */
  readonly status: number;
  readonly body: string;
  /** The `Date` of the answer. */
  readonly date: string | undefined;
}

/** What is known of a person's sign-in. */
export interface KnownSignIn {
  readonly username: string;
  readonly signedInAtMs: number;
  /** When the refresh token was last used. */
  readonly renewedAtMs: number;
  readonly ended?: { readonly aadsts?: string; readonly cause: string };
}

/** What proves a confidential client, as far as it expires. */
export type KnownCredential =
  | { readonly kind: 'certificate'; readonly expiresAtMs: number }
  | { readonly kind: 'secret'; readonly firstCharacters: string; readonly looksLikeId: boolean };

/** Everything that the check does to the world. Each throws a BridgeError when it fails. */
export interface CheckOperations {
  /** Milliseconds since 1970 by this machine's clock. */
  now(): number;
  /** Prepares the connection: reads its files, sends nothing. */
  open(): Promise<void>;
  /** Resolves the name and opens a TCP connection. @returns how it was reached */
  reach(peer: ServerPeer): Promise<string>;
  /** Turns TLS on and looks at the certificate. @returns what was seen of it */
  secure(peer: ServerPeer): Promise<string>;
  discover(): Promise<Discovery>;
  credential(): Promise<KnownCredential | undefined>;
  /** The sign-in of a delegated connection; undefined where nobody has signed in. Left out where none is kept. */
  signIn?(): Promise<KnownSignIn | undefined>;
  getToken(resource: TokenResource): Promise<string>;
  /** Logs in to a mailbox with XOAUTH2 and hands the connection over. */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string): Promise<OpenUpstream>;
  /** Who logs in by SMTP to send as a mailbox: the mailbox itself, or the person who signed in. */
  submissionLogin(mailbox: string): Promise<string>;
  /** Logs in by SMTP and signs off again. @param login see `submissionLogin`. @throws SmtpUpstreamError too */
  openSubmission(login: string): Promise<void>;
  /** One Graph request. @returns the answer's body. @throws GraphError and its siblings too */
  graph(request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly json?: string }): Promise<string>;
  /** Sends a small message through one of the account's couriers. @param as another sender than the mailbox */
  sendTest(
    account: CheckedAccount,
    courier: CourierKind,
    recipients: readonly string[],
    as?: OtherSender,
  ): Promise<Finding>;
}
