import { SHARE_ENV, Worker } from 'node:worker_threads';
import { program } from '../../../../base/program/place.ts';

let early: Worker | undefined;

/**
 * Starts the thread of an engine before it is known which queue it opens. Node.js takes as long for that as for reading
 * a configuration, and does both at once. The thread keeps no process alive.
 */
export function startEngineThreadEarly(): void {
  const thread = newThread();
  thread.unref();
  // The code that then needs one starts another, and gets its error.
  thread.on('error', () => {});
  thread.once('exit', () => {
    if (early === thread) early = undefined;
  });
  early = thread;
}

/** A thread that waits for a queue to open: the early one, or a new one. */
export function engineThread(): Worker {
  const thread = early ?? newThread();
  early = undefined;
  thread.ref();
  return thread;
}

/** Ends the early thread if no engine is needed. */
export function endEarlyThread(): void {
  void early?.terminate();
  early = undefined;
}

function newThread(): Worker {
  const entry = program.thread('queue-thread', new URL('./thread.ts', import.meta.url));
  return new Worker(entry.script, {
    ...entry.options,
    env: SHARE_ENV,
    execArgv: process.execArgv.filter((flag) => flag.startsWith('--cpu-prof')),
    name: 'queue',
  });
}
