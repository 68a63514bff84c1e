import { SHARE_ENV, Worker } from 'node:worker_threads';
import { program } from '../../../../base/program/place.ts';

let early: Worker | undefined;

/**
 * Starts the thread of an engine before it is known which queue it opens: Node.js takes as long for that as for reading a
 * configuration, and does both at once. It keeps no process alive.
 */
export function startEngineThreadEarly(): void {
  const thread = newThread();
  thread.unref();
  // Whoever wants one then starts another, and is told why that fails.
  thread.on('error', () => {});
  thread.once('exit', () => {
    if (early === thread) early = undefined;
  });
  early = thread;
}

/** A thread that waits to be told what to open: the early one, or a new one. */
export function engineThread(): Worker {
  const thread = early ?? newThread();
  early = undefined;
  thread.ref();
  return thread;
}

/** Ends the early thread, where no engine is needed. */
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
