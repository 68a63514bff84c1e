/** What an alert may be for, and how bad it is. */
export const alertCodes = {
  'credential-expires': 'warning',
  'connection-in-trouble': 'error',
  'sign-in-needed': 'error',
  'queue-waits': 'warning',
  'account-guessed': 'warning',
} as const;
export type AlertCode = keyof typeof alertCodes;

/** Something that is so now, and that somebody should hear of. */
export interface AlertCondition {
  /** The same for the same trouble, whichever instance sees it. */
  readonly id: string;
  readonly code: AlertCode;
  /** Grows as it becomes more urgent: each level is told once. */
  readonly level: number;
  readonly text: string;
  readonly remedy: string;
}

/** An alert that holds. */
export interface AlertFacts extends Omit<AlertCondition, 'level'> {
  readonly severity: 'warning' | 'error';
  /** ISO 8601. */
  readonly since: string;
}

/** What is told. `cleared`: it is over. */
export interface AlertNews extends AlertFacts {
  readonly state: 'raised' | 'cleared';
  /** ISO 8601. */
  readonly at: string;
  /** Who tells it. */
  readonly instance: string;
}
