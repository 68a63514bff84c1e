import { BridgeError } from '../../base/errors.ts';

/**
 * Runs work that Ctrl-C and SIGTERM end cleanly: its signal is aborted, once. A second Ctrl-C ends the process as
 * usual.
 * @param work ends soon after its signal is aborted
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const end = () => {
    controller.abort(new BridgeError('cancelled', 'Interrupted.'));
    for (const each of signals) process.off(each, end);
  };
  for (const each of signals) process.on(each, end);
  try {
    return await work(controller.signal);
  } finally {
    for (const each of signals) process.off(each, end);
  }
}
