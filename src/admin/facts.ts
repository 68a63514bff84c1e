import type { Registry } from 'prom-client';
import type { AlertFacts } from './alerts/condition.ts';

/** A part of a connection that is in trouble, for which its mail waits. */
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

/** Why a balancer should send no clients here now. */
export interface NotReadyReason {
  /** `draining`, `queue-full`, `queue-unreachable`. */
  readonly code: string;
  readonly text: string;
}

/** A worker process. */
export interface WorkerFacts {
  /** 1 is the first. */
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
  /** Instances that run, this one among them, as it saw them last. */
  readonly instances: number;
  /** Mailboxes that this one delivers. */
  readonly leases: number;
}

/** A token that is kept. */
export interface TokenFacts {
  readonly connection: string;
  readonly resource: string;
  readonly expiresAtMs: number;
}

/** Something by which a connection or a listener proves itself, and which ends. */
export interface ExpiryFacts {
  /** Name of the connection; of a certificate of listeners `listeners`. */
  readonly connection: string;
  /** `client secret`, `certificate`, `sign-in`. */
  readonly what: 'client secret' | 'certificate' | 'sign-in';
  /** Undefined: nobody knows here. */
  readonly atMs: number | undefined;
  /** The bridge renews it by itself before that. */
  readonly isRenewed?: boolean;
}

/** What is told of a running bridge beside its counters. */
export interface ObservedFacts {
  /** What is counted from the start of the bridge on. */
  readonly counted: Registry;
  readonly version: string;
  readonly instance: string;
  /** When the oldest queued message was received; undefined where none is queued. */
  oldestQueuedAtMs(): Promise<number | undefined>;
  tokens(): readonly TokenFacts[];
  /** Never rejects. */
  expiries(): Promise<readonly ExpiryFacts[]>;
}

/** What an administrator may look at. Nothing of it is secret. */
export interface AdminFacts {
  /** Empty where clients are welcome. Never rejects. */
  notReady(): Promise<readonly NotReadyReason[]>;
  /** Messages in the queue, by state. */
  queue(): Promise<Readonly<Record<string, number>>>;
  /** Client connections, by protocol, whichever process serves them. */
  clients(): Readonly<Record<string, number>>;
  /** Empty where one process does everything. */
  workers(): Promise<readonly WorkerFacts[]>;
  /** Left out where no other instance can share the queue. */
  sharing?(): SharingFacts;
  /** Empty where everything works. */
  troubles(): readonly ConnectionTroubleFacts[];
  /** What somebody should hear of now. Left out in tests of other things. */
  alerts?(): readonly AlertFacts[];
  /** Likewise. */
  readonly observed?: ObservedFacts;
  /** Connections that work in a person's name, and whether that person has to sign in (again). */
  signIns(): Promise<readonly { readonly connection: string; readonly isNeeded: boolean }[]>;
}
