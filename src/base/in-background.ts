import { errorText } from './errors.ts';
import type { Log } from './log.ts';

/** Runs work that nobody waits for: a failure is logged, and never ends the process. */
export function inBackground(work: () => Promise<unknown>, log: Log, failure: string): void {
  const told = (error: unknown) => log.error({ error }, `${failure}: ${errorText(error)}`);
  try {
    work().catch(told);
  } catch (error) {
    told(error);
  }
}
