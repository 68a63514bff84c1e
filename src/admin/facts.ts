import type { Registry } from 'prom-client';
import type { AlertFacts } from './alerts/condition.ts';

/** A part of a connection that is in trouble, so that its mail waits. */
export interface ConnectionTroubleFacts {
  readonly connection: string;
  /** `graph-token`, `exchange-token`, `graph`, `smtp`. */
  readonly part: string;
  readonly state: string;
  readonly since: string;
  readonly nextProbe: string;
  readonly code: string;
  readonly text: string;
  readonly remedy?: string;
}

/** Why a load balancer should send no clients here now. */
export interface NotReadyReason {
  /** `draining`, `queue-full`, `queue-unreachable`. */
  readonly code: string;
  readonly text: string;
}

/** A worker process. */
export interface WorkerFacts {
  /** The first is 1. */
  readonly worker: number;
  /** Connections that it serves. */
  readonly clients: number;
  /** How often it was started. */
  readonly starts: number;
  /** Undefined while it does not run, or does not answer. */
  readonly usage: { readonly cpuSeconds: number; readonly residentBytes: number } | undefined;
}

/** How this instance shares its queue with others. */
export interface SharingFacts {
  /** Running instances, including this one, as it last saw them. */
  readonly instances: number;
  /** Mailboxes that this instance delivers. */
  readonly leases: number;
}

/** A cached token. */
export interface TokenFacts {
  readonly connection: string;
  readonly resource: string;
  readonly expiresAtMs: number;
}

/** A credential of a connection or a listener that expires. */
export interface ExpiryFacts {
  /** Name of the connection; `listeners` for a certificate of listeners. */
  readonly connection: string;
  /** `client secret`, `certificate`, `sign-in`. */
  readonly what: 'client secret' | 'certificate' | 'sign-in';
  /** Undefined: not known here. */
  readonly atMs: number | undefined;
  /** The bridge renews it automatically before that. */
  readonly isRenewed?: boolean;
}

/** Facts about a running bridge besides its counters. */
export interface ObservedFacts {
  /** Counted since the start of the bridge. */
  readonly counted: Registry;
  readonly version: string;
  readonly instance: string;
  /** When the oldest queued message was received; undefined if none is queued. */
  oldestQueuedAtMs(): Promise<number | undefined>;
  tokens(): readonly TokenFacts[];
  /** Never rejects. */
  expiries(): Promise<readonly ExpiryFacts[]>;
}

/** What an administrator may see. None of it is secret. */
export interface AdminFacts {
  /** Empty if clients are welcome. Never rejects. */
  notReady(): Promise<readonly NotReadyReason[]>;
  /** Messages in the queue, by state. */
  queue(): Promise<Readonly<Record<string, number>>>;
  /** Client connections, by protocol, in all processes. */
  clients(): Readonly<Record<string, number>>;
  /** Empty if one process does everything. */
  workers(): Promise<readonly WorkerFacts[]>;
  /** Left out if no other instance can share the queue. */
  sharing?(): SharingFacts;
  /** Empty if everything works. */
  troubles(): readonly ConnectionTroubleFacts[];
  /** What somebody should know about now. Left out in tests of other things. */
  alerts?(): readonly AlertFacts[];
  /** Left out in tests of other things. */
  readonly observed?: ObservedFacts;
  /** Connections that work on behalf of a person, and whether that person has to sign in (again). */
  signIns(): Promise<readonly { readonly connection: string; readonly isNeeded: boolean }[]>;
}
