import type { Socket } from 'node:net';
import { type CarriedError, carriedError, errorOf } from './carried-error.ts';

/** Calls answered across a channel: plain values, one each way. */
type Questions<Q> = { readonly [Name in keyof Q]: (question: never) => Promise<unknown> };

/** The part of `process`, or of a child process, that a channel needs. */
export interface Port {
  readonly connected: boolean;
  send?(message: unknown, socket?: Socket, options?: object, sent?: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: unknown, socket: unknown) => void): unknown;
}

/** This end of a channel. */
export interface ChannelEnd<Answers, Told> {
  /** Answers the other end's calls. */
  readonly answers: Answers;
  /** Handles the other end's messages. */
  told(message: Told, socket: Socket | undefined): void;
}

type Message<Told> =
  | { readonly ask: string; readonly id: number; readonly question: unknown }
  | { readonly answer: unknown; readonly id: number }
  | { readonly failure: CarriedError; readonly id: number }
  | { readonly tell: Told };

/**
 * Calls, answers and messages between two processes, in order. Nothing that crosses is logged, because it contains
 * secrets.
 */
export class Channel<Asks extends Questions<Asks>, Answers extends Questions<Answers>, Tells, Told> {
  readonly #port: Port;
  readonly #end: ChannelEnd<Answers, Told>;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(port: Port, end: ChannelEnd<Answers, Told>) {
    this.#port = port;
    this.#end = end;
    port.on('message', (message, socket) => this.#take(message as Message<Told>, socket as Socket | undefined));
  }

  /** Rejects with the other end's error, or when the channel ends. */
  ask<Name extends keyof Asks & string>(
    name: Name,
    question: Parameters<Asks[Name]>[0],
  ): Promise<Awaited<ReturnType<Asks[Name]>>> {
    const id = ++this.#lastId;
    const asked = Promise.withResolvers<unknown>();
    this.#asked.set(id, asked);
    if (!this.#send({ ask: name, id, question })) this.#settle(id)?.reject(ended());
    return asked.promise as Promise<Awaited<ReturnType<Asks[Name]>>>;
  }

  tell(news: Tells): void {
    this.#send({ tell: news });
  }

  /** Hands a socket over with a message. @param sent called once; false: the socket is still here */
  hand(news: Tells, socket: Socket, sent: (done: boolean) => void): void {
    if (!this.#port.connected) sent(false);
    else this.#port.send?.({ tell: news }, socket, {}, (error) => sent(error === null));
  }

  /** The other end is gone: its answers will not come. */
  ended(): void {
    for (const id of [...this.#asked.keys()]) this.#settle(id)?.reject(ended());
  }

  #take(message: Message<Told>, socket: Socket | undefined): void {
    if ('tell' in message) this.#end.told(message.tell, socket);
    else if ('answer' in message) this.#settle(message.id)?.resolve(message.answer);
    else if ('failure' in message) this.#settle(message.id)?.reject(errorOf(message.failure));
    else void this.#answer(message);
  }

  async #answer({ ask, id, question }: { readonly ask: string; readonly id: number; readonly question: unknown }) {
    try {
      const answer = await this.#end.answers[ask as keyof Answers](question as never);
      this.#send({ answer, id });
    } catch (error) {
      this.#send({ failure: carriedError(error), id });
    }
  }

  #settle(id: number): PromiseWithResolvers<unknown> | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  #send(message: Message<Tells>): boolean {
    if (!this.#port.connected) return false;
    // Without a callback a failure would be an event that ends the process; the end of the other side is noticed
    // elsewhere.
    this.#port.send?.(message, undefined, {}, () => {});
    return true;
  }
}

function ended(): Error {
  return new Error('The other process has ended.');
}
