import type { Clock } from '../../base/clock.ts';

/**
 * Waits.
 * @param ms 0 or more
 * @throws the reason of `signal` once that is aborted
 */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    // The clock's timers do not keep the process alive, and nothing else may do so here.
    const alive = setInterval(() => {}, 60_000);
    const end = (settle: () => void) => {
      clearInterval(alive);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const cancel = clock.after(ms, () => end(resolve));
    const abort = () => {
      cancel();
      end(() => reject(signal?.reason));
    };
    signal?.addEventListener('abort', abort);
  });
}
