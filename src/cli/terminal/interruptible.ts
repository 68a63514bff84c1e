import { BridgeError } from '../../base/errors.ts';

/**
 * Does something that Ctrl-C and SIGTERM end in good order: the signal it is given is aborted, once. A second Ctrl-C
 * ends the process as usual.
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
