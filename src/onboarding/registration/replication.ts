import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { pause } from './pause.ts';

/** How directory changes are waited for: it takes seconds, at times minutes, until all servers know them. */
export interface ReplicationOptions {
  readonly clock: Clock;
  /** In total, for one thing waited for; default 180,000. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once for each thing waited for. */
  tell(text: string): void;
}

const firstWaitMs = 1000;
const longestWaitMs = 10_000;
const usualPatienceMs = 180_000;

/**
 * Retries until it works, as long as the failure may pass with time.
 * @param what is waited for, for people: "the new application"
 * @param mayPass whether a failure may come from missing replication
 * @throws BridgeError `registration-not-visible` when the time is up; any other failure
 */
export async function untilReplicated<T>(
  options: ReplicationOptions,
  what: string,
  mayPass: (error: unknown) => boolean,
  attempt: () => Promise<T>,
): Promise<T> {
  const patienceMs = options.patienceMs ?? usualPatienceMs;
  const endMs = options.clock.now() + patienceMs;
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (options.clock.now() >= endMs) throw notVisible(what, patienceMs, error);
      if (waitMs === firstWaitMs)
        options.tell(`waiting for Microsoft to replicate ${what} (up to ${minutes(patienceMs)})`);
      await pause(options.clock, waitMs, options.signal);
    }
  }
}

function notVisible(what: string, patienceMs: number, cause: unknown): BridgeError {
  const said = cause instanceof BridgeError ? ` ${cause.message}` : '';
  return new BridgeError(
    'registration-not-visible',
    `After ${minutes(patienceMs)} Microsoft still does not know ${what} everywhere.${said}`,
    { cause },
  );
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
