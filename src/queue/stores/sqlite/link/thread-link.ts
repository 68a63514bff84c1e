import type { Worker } from 'node:worker_threads';
import { BridgeError, errorText } from '../../../../base/errors.ts';
import type { EngineOptions } from '../engine/open.ts';
import { engineThread } from './early-thread.ts';
import type { EngineAnswer, EngineArguments, EngineLink, EngineOperation, LinkEvent } from './link.ts';
import { errorOfWire, type FromEngine, type ThreadStart, type ToEngine, type WiredCall } from './wire.ts';

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

/** How long it takes until an engine that has ended unexpectedly is started again. */
const restartMs = { first: 500, longest: 30_000 };

/**
 * An engine in a thread of its own.
 *
 * If that thread ends unexpectedly, out of memory or by a defect, all open calls reject with `queue-unreachable`: as
 * after a crash of the process, nobody knows whether a change was made, and callers treat it like that. Nothing that
 * was answered is lost, because it was durable before. The engine is then started again. Until then every call rejects:
 * clients try again, and attempts under way stay recorded as begun.
 */
export class ThreadLink implements EngineLink {
  readonly #start: ThreadStart;
  readonly #tell: (event: LinkEvent) => void;
  readonly #waiting = new Map<number, Waiting>();
  #calls: WiredCall[] = [];
  #handedOver: ArrayBuffer[] = [];
  #next = 0;
  /** The thread has what was sent last, and has answered none of it yet. */
  #isBusy = false;
  #worker: Worker | undefined;
  #restartMs = restartMs.first;
  #restart: NodeJS.Timeout | undefined;
  /** The engine is being started again; never rejects. */
  #restarting: Promise<void> | undefined;
  #isEnding = false;
  #ended: Promise<void> | undefined;

  private constructor(start: ThreadStart, tell: (event: LinkEvent) => void) {
    this.#start = start;
    this.#tell = tell;
  }

  /** Rejects as {@link openEngine} throws. */
  static async open(folder: string, options: EngineOptions, tell: (event: LinkEvent) => void): Promise<ThreadLink> {
    const link = new ThreadLink({ folder, options }, tell);
    await link.#open(link.#start);
    return link;
  }

  call<K extends EngineOperation>(
    operation: K,
    args: EngineArguments<K>,
    handedOver: readonly ArrayBuffer[] = [],
  ): Promise<EngineAnswer<K>> {
    return new Promise((resolve, reject) => {
      if (!this.#worker || this.#isEnding) {
        reject(unreachable('it is not running'));
        return;
      }
      if (this.#calls.length === 0 && !this.#isBusy) setImmediate(() => this.#send());
      const number = this.#next++;
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(number, { resolve, reject });
      this.#calls.push([number, operation, args]);
      this.#handedOver.push(...handedOver);
    });
  }

  close(): Promise<void> {
    this.#ended ??= this.#close();
    return this.#ended;
  }

  async #close(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#restart);
    // It will have the database open in a moment.
    await this.#restarting;
    const worker = this.#worker;
    if (!worker) return;
    this.#send();
    worker.ref();
    const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const message: ToEngine = 'close';
    worker.postMessage(message);
    await exit;
  }

  #send(): void {
    const calls: ToEngine = this.#calls;
    const handedOver = this.#handedOver;
    if (calls.length === 0) return;
    this.#isBusy = true;
    this.#calls = [];
    this.#handedOver = [];
    this.#worker?.postMessage(calls, handedOver);
  }

  async #open(start: ThreadStart): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = engineThread();
    worker.postMessage(start);
    let why: unknown;
    worker.on('message', (message: FromEngine) => {
      if (message.kind === 'answers') this.#answered(message.answers);
      else if (message.kind === 'event') this.#tell(message.event);
      else if (message.kind === 'not-opened') reject(errorOfWire(message.error));
      else {
        this.#worker = worker;
        worker.unref();
        resolve();
      }
    });
    worker.on('error', (error) => {
      why = error;
    });
    worker.on('exit', () => {
      const reason = why === undefined ? 'its thread has ended' : errorText(why);
      reject(unreachable(reason));
      if (this.#worker === worker) this.#lost(reason);
    });
    await promise;
  }

  #answered(answers: (FromEngine & { readonly kind: 'answers' })['answers']): void {
    this.#isBusy = false;
    if (this.#calls.length > 0) setImmediate(() => this.#send());
    for (const [number, answer, error] of answers) {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (error) waiting?.reject(errorOfWire(error));
      else waiting?.resolve(answer as never);
    }
    // An idle queue keeps no process alive.
    if (this.#waiting.size === 0 && !this.#isEnding) this.#worker?.unref();
  }

  /** One error object for each call: nodemailer changes the code of an error with which a stream it sends fails. */
  #lost(reason: string): void {
    this.#worker = undefined;
    this.#isBusy = false;
    this.#calls = [];
    this.#handedOver = [];
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(unreachable(reason));
    if (this.#isEnding) return;
    this.#tell({ kind: 'unreachable', error: unreachable(reason) });
    this.#restartLater();
  }

  #restartLater(): void {
    this.#restart = setTimeout(() => {
      const { folder, options } = this.#start;
      this.#restarting = this.#open({ folder, options: { ...options, isResumed: true } }).then(
        () => {
          this.#restartMs = restartMs.first;
          if (!this.#isEnding) this.#tell({ kind: 'reachable' });
        },
        () => {
          if (!this.#isEnding) this.#restartLater();
        },
      );
    }, this.#restartMs).unref();
    this.#restartMs = Math.min(2 * this.#restartMs, restartMs.longest);
  }
}

function unreachable(why: string): BridgeError {
  return new BridgeError('queue-unreachable', `The queue cannot be reached: ${why}.`);
}
