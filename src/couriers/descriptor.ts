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
  /** Settings other than HTTP: additionally trusted certificates, the name in EHLO. */
  readonly sessions: Pick<SmtpSessionOptions, 'extraCa' | 'clientName'>;
}

/** What a courier is made from. Couriers of one connection share everything except the policy. */
export interface CourierParts extends UpstreamAccess {
  readonly policy: DeliveryPolicy;
  readonly client: GraphClient;
  /** `me`: for a delegated token of the mailbox itself. */
  readonly sendAs: 'mailbox' | 'me';
  /** Largest MIME message in one request to Graph, before base64. */
  readonly graphMimeBytes: number;
  readonly exchangeSmtp: ExchangeSmtpCourier;
  /** For messages that another courier would change. */
  readonly smtpFallback: SmtpFallback;
  readonly marker: Marker;
  readonly copies: CopyNotes;
}

/** A courier that may keep connections open. */
export interface ClosableCourier extends Courier {
  /** Closes idle connections, and from now on every used one after its transaction. */
  close?(): Promise<void>;
}

/** A permission that a use of a mailbox needs. */
export interface UsePermission {
  readonly resource: TokenResource;
  /** Any one of them is enough; the first is the one to ask for. */
  readonly anyOf: readonly [string, ...string[]];
  /** Exchange's RBAC role that replaces it, without any permission in Entra ID. */
  readonly rbacRole?: string;
}

/** Refusals as listed in docs/errors.md. */
export interface RefusalTable {
  readonly title: string;
  readonly rows: readonly (readonly [said: string, row: KnownRefusal])[];
}

/**
 * Everything that distinguishes one courier from another. Code that has to know looks here by the courier's kind
 * instead of comparing names.
 */
export interface CourierDescriptor extends CourierTraits {
  /** How its mail is sent: `SMTP`. */
  readonly medium: string;
  /** Its description where somebody has to choose a courier. */
  readonly choice: string;
  /** Whose tokens it uses. */
  readonly resource: TokenResource;
  /** By who acts: the app, or a person who signed in. */
  readonly permissions: Readonly<Record<'app' | 'person', UsePermission>>;
  /** The Exchange script's name and description of the role that serves an app instead of the permission. */
  readonly exchangeRole: { readonly key: string; readonly does: string };
  /** SMTP AUTH has to be enabled for the login. */
  readonly needsSmtpAuth: boolean;
  /** Large messages are uploaded as drafts in the mailbox. */
  readonly makesDrafts: boolean;
  readonly batchLimits: BatchLimits;
  /** Largest MIME message that the upstream takes at once, in bytes. */
  readonly maxMimeBytes: number;
  /** Where Exchange may keep the copy of a message that a person sent as another mailbox. */
  readonly copiesAt: readonly [CopyPlace, ...CopyPlace[]];
  /** Type of a diagnostic code in the upstream's own words (RFC 3464 section 2.3.6). */
  readonly diagnosticType: string;
  /** The upstream gets NOTIFY and RET (RFC 3461) and sends the reports itself. */
  readonly passesDsn: boolean;
  readonly refusals: readonly RefusalTable[];
  /** The enhanced status (RFC 3463) for a code that is not one itself; undefined for codes of others. */
  statusOf(code: string): string | undefined;
  /** Name of the host that messages are sent to. */
  hostName(endpoints: UpstreamEndpoints): string;
  /** Most commands only need facts and start faster without the libraries that talk to Microsoft. */
  load(): Promise<CourierModule>;
}

/** The code of a courier, as opposed to the facts about it. */
export interface CourierModule {
  /** Checks whether the host's trouble is over, without a message or a token. Never rejects. */
  probe(access: UpstreamAccess): Promise<ConnectionTrouble | undefined>;
  create(parts: CourierParts): ClosableCourier;
}
