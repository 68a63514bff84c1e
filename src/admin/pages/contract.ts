/** What the bridge's API answers, as these pages read it: `/api/v1/…`. Times are ISO 8601, unless a name says otherwise. */

export interface ShownSession {
  readonly user: string;
  readonly role: 'view' | 'operate';
  readonly csrfToken: string;
  readonly version: string;
  readonly instance: string;
  /** False until there is a configuration: the pages then open at the guided set-up. */
  readonly setUp?: boolean;
  readonly signInBy?: readonly string[];
}

export type ShownState = 'ok' | 'degraded' | 'sign-in-needed' | 'unknown';

export interface ShownExpiry {
  readonly what: string;
  readonly at: string | null;
}

export interface ShownConnection {
  readonly name: string;
  readonly grant: string;
  readonly state: ShownState;
  readonly since?: string;
  readonly code?: string;
  readonly text?: string;
  readonly remedy?: string;
  readonly expires: readonly ShownExpiry[];
}

export interface ShownConnectionDetail extends ShownConnection {
  readonly tenantId: string | null;
  readonly clientId: string | null;
  readonly cloud: string;
  readonly permissions: { readonly needed: readonly string[]; readonly granted: readonly string[] | null };
  /** Accounts that use it. */
  readonly usedBy: number;
}

export interface ShownAccountTrouble {
  readonly username: string;
  readonly state: string;
  readonly text: string;
  readonly remedy?: string;
}

export interface ShownAlert {
  readonly id: string;
  readonly code: string;
  readonly severity: 'warning' | 'error';
  readonly since: string;
  readonly text: string;
  readonly remedy?: string;
}

export interface ShownOverview {
  readonly version: string;
  readonly instance: string;
  readonly startedAt: string;
  readonly ready: { readonly ready: boolean; readonly reasons: readonly { code: string; text: string }[] };
  readonly connections: readonly ShownConnection[];
  readonly accounts: { readonly total: number; readonly trouble: readonly ShownAccountTrouble[] };
  readonly queue: {
    readonly queued: number;
    readonly held: number;
    readonly failed: number;
    readonly quarantined: number;
    readonly deliveredLastDay: number;
    readonly oldestQueuedAt: string | null;
  };
  readonly clients: Readonly<Record<string, number>>;
  readonly alerts: readonly ShownAlert[];
}

export type HistoryRange = 'hour' | 'day' | 'week';

export interface ShownHistory {
  readonly stepSeconds: number;
  readonly from: string;
  /** By name; null where nothing is known. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

export type ShownMessageState = 'queued' | 'held' | 'delivered' | 'failed' | 'quarantined';

export interface ShownMessage {
  readonly id: string;
  readonly state: ShownMessageState;
  readonly account: string;
  readonly connection: string;
  readonly mailbox: string;
  readonly courier: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly state: string }[];
  readonly subject: string | null;
  readonly messageId: string | null;
  readonly bytes: number;
  readonly receivedAt: string;
  readonly nextAttemptAt?: string | null;
  readonly finishedAt?: string | null;
  readonly attempts: number;
  readonly last?: { readonly code: string; readonly text: string } | null;
}

export interface ShownOutcome {
  readonly address: string;
  readonly state: string;
  readonly code?: string | null;
  readonly text?: string | null;
  /** Microsoft's words. */
  readonly reply?: string | null;
  readonly remedy?: string | null;
}

export interface ShownAttempt {
  readonly startedAt: string;
  readonly durationMs: number | null;
  readonly courier: string | null;
  readonly upstreamId?: string | null;
  readonly outcomes: readonly ShownOutcome[];
  /** Couriers that would have come first. */
  readonly passedOver: readonly { readonly courier: string; readonly code: string; readonly text: string }[];
}

export interface ShownMessageDetail extends ShownMessage {
  readonly hops: readonly { readonly at: string | null; readonly what: string; readonly detail?: string | null }[];
  readonly attemptLog: readonly ShownAttempt[];
  /** Until when nothing is tried, and why. */
  readonly waiting?: { readonly kind: string; readonly until: string; readonly reason: string };
  readonly damage?: string;
  readonly hasContent: boolean;
}

export interface ShownHop {
  readonly hop: string;
  readonly target?: string;
  readonly account?: string | null;
  readonly state: 'running' | 'ok' | 'failed' | 'skipped' | 'warning';
  readonly text?: string | null;
  readonly remedy?: string | null;
  readonly ms?: number | null;
}

export interface ShownCheck {
  readonly done: boolean;
  readonly hops: readonly ShownHop[];
}

export interface ShownDeviceSignIn {
  readonly id: string;
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAt: string;
}

export interface ShownAccount {
  readonly username: string;
  /** `many`: everybody at a domain logs in by it. */
  readonly kind: 'one' | 'many';
  readonly mailboxes: readonly string[];
  readonly send: readonly string[] | null;
  readonly read: string | null;
  readonly connection: string;
  readonly lastUse: string | null;
  readonly appPasswords: number;
  readonly state: string;
}

/** What a mail program is told about one protocol. */
export interface ShownServer {
  readonly host: string;
  readonly port: number;
  readonly security: string;
  readonly username: string;
}

export interface ShownAppPassword {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string | null;
  readonly lastUsedAt: string | null;
}

export interface ShownAccountDetail extends Omit<ShownAccount, 'appPasswords'> {
  readonly settings: Readonly<Partial<Record<'smtp' | 'imap' | 'pop3', ShownServer>>>;
  readonly appPasswords: readonly ShownAppPassword[];
  readonly text?: string;
  readonly remedy?: string;
}

export interface ShownLogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}
