/** Signals to the process, from its start on. */
export interface StartSignals {
  /** Resolves with the signal that ends the bridge. */
  readonly ended: Promise<NodeJS.Signals>;
  /** Aborts at the same time. */
  readonly ending: AbortSignal;
  /** Called at each SIGHUP; at once, if there already was one. */
  onReload(callback: () => void): void;
}

/**
 * On Windows SIGHUP means that a console is closed, and SIGBREAK is what a service manager may send: `process`, "Signal
 * events".
 */
const ends: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGTERM', 'SIGINT', 'SIGBREAK', 'SIGHUP'] : ['SIGTERM', 'SIGINT'];

/** SIGHUP ends a process that does not listen for it, and one that arrives while the bridge starts must not be lost. */
export function listenForSignals(): StartSignals {
  let reload: (() => void) | undefined;
  let isReloadKept = false;
  if (!ends.includes('SIGHUP')) {
    process.on('SIGHUP', () => {
      if (reload) reload();
      else isReloadKept = true;
    });
  }
  const ending = new AbortController();
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    // The listener stays: a terminal or a service manager may signal twice, and the second must not cut the stop short.
    for (const signal of ends) process.on(signal, () => resolve(signal));
  });
  void ended.then(() => ending.abort());
  return {
    ended,
    ending: ending.signal,
    onReload(callback) {
      reload = callback;
      if (isReloadKept) callback();
    },
  };
}
