import type { Clock } from '../base/clock.ts';
import type { HttpClient } from '../base/http/client.ts';
import type { ExchangeEndpoint } from '../exchange/endpoint.ts';
import type { SmtpSessionOptions } from '../exchange/smtp/session.ts';
import type { GraphClient } from '../graph/client/client.ts';
import type { ConnectionTrouble } from '../message/delivery.ts';
import type { Courier, CourierTraits } from '../queue/courier.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import type { BatchLimits } from './batches.ts';
import type { ExchangeSmtpCourier } from './exchange-smtp/courier.ts';
import type { SmtpFallback } from './exchange-smtp/fallback.ts';
import type { KnownRefusal } from './known-refusal.ts';
import type { DeliveryPolicy } from './policy.ts';
import type { CopyNotes } from './sent-items/copy-notes.ts';
import type { Marker } from './sent-items/marker.ts';
import type { CopyPlace } from './sent-items/sent-items.ts';

/** Where Microsoft is reached. */
export interface UpstreamEndpoints {
  /** Origin of Microsoft Graph. */
  readonly graph: string;
  readonly imap: ExchangeEndpoint;
  readonly smtp: ExchangeEndpoint;
}

/** How one connection reaches Microsoft. */
export interface UpstreamAccess {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly endpoints: UpstreamEndpoints;
  /** Of what is not HTTP: the certificates trusted besides those of the system, the name said in EHLO. */
  readonly sessions: Pick<SmtpSessionOptions, 'extraCa' | 'clientName'>;
}

/** What a courier is made of. All of one connection share it, but for the policy. */
export interface CourierParts extends UpstreamAccess {
  readonly policy: DeliveryPolicy;
  readonly client: GraphClient;
  /** `me`: for a delegated token of the mailbox itself. */
  readonly sendAs: 'mailbox' | 'me';
  /** Largest message as MIME in one request to Graph, before base64. */
  readonly graphMimeBytes: number;
  readonly exchangeSmtp: ExchangeSmtpCourier;
  /** For what another courier would not do justice to. */
  readonly smtpFallback: SmtpFallback;
  readonly marker: Marker;
  readonly copies: CopyNotes;
}

/** A courier that may hold connections open. */
export interface ClosableCourier extends Courier {
  /** Leaves the idle connections, and from now on each one in use after its transaction. */
  close?(): Promise<void>;
}

/** A permission that a use of a mailbox needs. */
export interface UsePermission {
  readonly resource: TokenResource;
  /** Any one of them serves; the first is the one to ask for. */
  readonly anyOf: readonly [string, ...string[]];
  /** Exchange's RBAC role that serves in its place, without any permission in Entra ID. */
  readonly rbacRole?: string;
}

/** Refusals as docs/errors.md shows them. */
export interface RefusalTable {
  readonly title: string;
  readonly rows: readonly (readonly [said: string, row: KnownRefusal])[];
}

/**
 * All that is so of one courier and not of another. Whoever has to know asks here by the courier's kind, and compares
 * no names.
 */
export interface CourierDescriptor extends CourierTraits {
  /** What mail goes by: `SMTP`. */
  readonly medium: string;
  /** What is said of it where somebody has to choose one. */
  readonly choice: string;
  /** Whose tokens it uses. */
  readonly resource: TokenResource;
  /** By who acts: the app itself, or a person who signed in. */
  readonly permissions: Readonly<Record<'app' | 'person', UsePermission>>;
  /** How the Exchange script calls the role that serves an app in place of the permission, and what it says of it. */
  readonly exchangeRole: { readonly key: string; readonly does: string };
  /** SMTP AUTH has to be on for who logs in. */
  readonly needsSmtpAuth: boolean;
  /** Large messages go up as drafts in the mailbox. */
  readonly makesDrafts: boolean;
  readonly batchLimits: BatchLimits;
  /** Largest message as MIME that the upstream takes at once, in bytes. */
  readonly maxMimeBytes: number;
  /** Where Exchange may keep the copy of what a person sent as another mailbox. */
  readonly copiesAt: readonly [CopyPlace, ...CopyPlace[]];
  /** Type of a diagnostic code in the upstream's own words (RFC 3464 section 2.3.6). */
  readonly diagnosticType: string;
  /** The upstream is told of NOTIFY and RET (RFC 3461), and reports by itself. */
  readonly passesDsn: boolean;
  readonly refusals: readonly RefusalTable[];
  /** The enhanced status (RFC 3463) of a code that is none itself; undefined for what is not the upstream's. */
  statusOf(code: string): string | undefined;
  /** Name of the host that messages are handed to. */
  hostName(endpoints: UpstreamEndpoints): string;
  /** Most commands only ask for facts, and are quicker without the libraries that talk to Microsoft. */
  load(): Promise<CourierModule>;
}

/** What a courier does, apart from what is known of it. */
export interface CourierModule {
  /** Looks whether the host's trouble is over, without a message or a token. Never rejects. */
  probe(access: UpstreamAccess): Promise<ConnectionTrouble | undefined>;
  create(parts: CourierParts): ClosableCourier;
}
