import { rotateRemedy } from '../../onboarding/names.ts';
import type { ConnectionTroubleFacts, ExpiryFacts } from '../facts.ts';
import type { AlertCondition } from './condition.ts';

/** When something is worth an alert. */
export interface AlertThresholds {
  /** Days before an expiry, each of which is reported once. */
  readonly expiryDays: readonly number[];
  /** How long a connection is in trouble before that is reported. */
  readonly troubleMs: number;
  /** How old the oldest queued message is before that is reported. */
  readonly queueWaitMs: number;
}

/** What is checked. */
export interface AlertSources {
  readonly expiries: readonly ExpiryFacts[];
  readonly troubles: readonly ConnectionTroubleFacts[];
  /** Connections for which somebody has to sign in. */
  readonly signInsNeeded: readonly string[];
  readonly oldestQueuedAtMs: number | undefined;
  /** Accounts that are being guessed at, and until when that counts. */
  readonly guessed: ReadonlyMap<string, number>;
}

const dayMs = 24 * 3_600_000;
const minuteMs = 60_000;

/** What somebody should know about now. */
export function conditionsOf(sources: AlertSources, thresholds: AlertThresholds, nowMs: number): AlertCondition[] {
  return [
    ...sources.expiries.flatMap((expiry) => expiryCondition(expiry, thresholds, nowMs)),
    ...sources.troubles.flatMap((trouble) => troubleCondition(trouble, thresholds, nowMs)),
    ...sources.signInsNeeded.map(signInCondition),
    ...queueCondition(sources, thresholds, nowMs),
    ...[...sources.guessed].filter(([, untilMs]) => untilMs > nowMs).map(([account]) => guessCondition(account)),
  ];
}

function expiryCondition(expiry: ExpiryFacts, { expiryDays }: AlertThresholds, nowMs: number) {
  const { connection, what, atMs } = expiry;
  if (atMs === undefined || Number.isNaN(atMs)) return [];
  const level = expiryDays.filter((days) => atMs - nowMs <= days * dayMs).length;
  if (level === 0) return [];
  const day = new Date(atMs).toISOString().slice(0, 10);
  const left = Math.ceil((atMs - nowMs) / dayMs);
  const owner = connection === 'listeners' ? 'The certificate of the listeners' : `The ${what} of ${connection}`;
  const ends = left > 0 ? `ends in ${left} ${left === 1 ? 'day' : 'days'}, on ${day}` : `ended on ${day}`;
  const condition: AlertCondition = {
    id: `expires ${connection} ${what}`,
    code: 'credential-expires',
    level,
    text: `${owner} ${ends}.`,
    remedy: expiryRemedy(expiry),
  };
  return [condition];
}

function expiryRemedy({ connection, what, isRenewed }: ExpiryFacts): string {
  if (connection === 'listeners') return 'Put a new certificate and key in place of the files, and reload (SIGHUP).';
  if (what === 'sign-in') return `Sign in again: mailbridge login ${connection}.`;
  const command = rotateRemedy(connection);
  return isRenewed
    ? `The log says why the bridge could not renew it ("cannot renew the certificate"). ${command}`
    : command;
}

function troubleCondition(
  { connection, part, since, text, remedy }: ConnectionTroubleFacts,
  { troubleMs }: AlertThresholds,
  nowMs: number,
) {
  const sinceMs = Date.parse(since);
  if (nowMs - sinceMs < troubleMs) return [];
  const condition: AlertCondition = {
    id: `trouble ${connection} ${part}`,
    code: 'connection-in-trouble',
    level: 1,
    text: `Connection ${connection} (${part}) has been in trouble since ${since}, and its mail waits: ${text}`,
    remedy: remedy ?? `Run mailbridge check ${connection}.`,
  };
  return [condition];
}

function signInCondition(connection: string): AlertCondition {
  return {
    id: `sign-in ${connection}`,
    code: 'sign-in-needed',
    level: 1,
    text: `Somebody has to sign in for connection ${connection}.`,
    remedy: `Run mailbridge login ${connection}.`,
  };
}

function queueCondition({ oldestQueuedAtMs }: AlertSources, { queueWaitMs }: AlertThresholds, nowMs: number) {
  if (oldestQueuedAtMs === undefined || nowMs - oldestQueuedAtMs < queueWaitMs) return [];
  const minutes = Math.floor((nowMs - oldestQueuedAtMs) / minuteMs);
  const condition: AlertCondition = {
    id: 'queue-waits',
    code: 'queue-waits',
    level: 1,
    text: `The oldest queued message has waited for ${minutes} minutes.`,
    remedy: 'Run mailbridge queue list for the reasons.',
  };
  return [condition];
}

function guessCondition(account: string): AlertCondition {
  return {
    id: `guessed ${account}`,
    code: 'account-guessed',
    level: 1,
    text: `Somebody is guessing the password of account ${account}: it is blocked where it has not logged in from.`,
    remedy: 'See "login refused" in the log for the addresses; block them, or change the password if it is weak.',
  };
}
