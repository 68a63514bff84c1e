import { type MessagePort, parentPort } from 'node:worker_threads';
import { giveMemoryBackSoon } from '../../../../base/system/memory-given-back.ts';
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/open.ts';
import { run } from './link.ts';
import {
  type FromEngine,
  type ThreadStart,
  type ToEngine,
  type WiredAnswer,
  type WiredCall,
  wiredError,
} from './wire.ts';

/**
 * The thread of an engine. It takes in everything that arrived while it was busy: calls that change something are
 * committed together, and their answers go back together.
 */
class EngineThread {
  readonly #engine: Engine;
  readonly #port: MessagePort;
  #answers: WiredAnswer[] = [];
  #handedOver: ArrayBuffer[] = [];

  constructor(engine: Engine, port: MessagePort) {
    this.#engine = engine;
    this.#port = port;
  }

  take(message: ToEngine): void {
    if (message === 'close') {
      this.#engine.close();
      // What was just committed is still answered.
      setImmediate(() => {
        this.#send();
        this.#port.close();
      });
      return;
    }
    for (const call of message) this.#take(call);
  }

  #take([number, operation, args]: WiredCall): void {
    try {
      const answer: unknown = run(this.#engine, operation, args as never);
      if (answer instanceof Promise) {
        answer.then(
          (value: unknown) => this.#answerWith(number, value),
          (error: unknown) => this.#answer([number, undefined, wiredError(error)]),
        );
      } else this.#answerWith(number, answer);
    } catch (error) {
      this.#answer([number, undefined, wiredError(error)]);
    }
  }

  #answerWith(number: number, answer: unknown): void {
    const content = (answer as { readonly content?: unknown } | undefined)?.content;
    if (content instanceof Uint8Array && content.buffer instanceof ArrayBuffer) this.#handedOver.push(content.buffer);
    this.#answer([number, answer]);
  }

  #answer(answer: WiredAnswer): void {
    if (this.#answers.length === 0) setImmediate(() => this.#send());
    this.#answers.push(answer);
  }

  #send(): void {
    if (this.#answers.length === 0) return;
    const message: FromEngine = { kind: 'answers', answers: this.#answers };
    const handedOver = this.#handedOver;
    this.#answers = [];
    this.#handedOver = [];
    this.#port.postMessage(message, handedOver);
  }
}

function start(port: MessagePort, { folder, options }: ThreadStart): void {
  const send = (message: FromEngine) => port.postMessage(message);
  try {
    const engine = openEngine(folder, options, (event) => send({ kind: 'event', event }));
    const thread = new EngineThread(engine, port);
    port.on('message', (message: ToEngine) => thread.take(message));
    send({ kind: 'opened' });
  } catch (error) {
    send({ kind: 'not-opened', error: wiredError(error) });
    port.close();
  }
}

parentPort?.once('message', (message: ThreadStart) => {
  start(parentPort as MessagePort, message);
  giveMemoryBackSoon();
});
