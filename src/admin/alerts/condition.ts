/** What an alert can be about, and how bad it is. */
export const alertCodes = {
  'credential-expires': 'warning',
  'connection-in-trouble': 'error',
  'sign-in-needed': 'error',
  'queue-waits': 'warning',
  'account-guessed': 'warning',
} as const;
export type AlertCode = keyof typeof alertCodes;

/** A condition that holds now and that somebody should know about. */
export interface AlertCondition {
  /** The same for the same trouble, whichever instance sees it. */
  readonly id: string;
  readonly code: AlertCode;
  /** Increases with urgency: each level is reported once. */
  readonly level: number;
  readonly text: string;
  readonly remedy: string;
}

/** An active alert. */
export interface AlertFacts extends Omit<AlertCondition, 'level'> {
  readonly severity: 'warning' | 'error';
  /** ISO 8601. */
  readonly since: string;
}

/** A report. `cleared`: it is over. */
export interface AlertNews extends AlertFacts {
  readonly state: 'raised' | 'cleared';
  /** ISO 8601. */
  readonly at: string;
  /** The instance that reports it. */
  readonly instance: string;
}
