import { Readable } from 'node:stream';

/** What is to be sent: the octets, opened when they are asked for, and how many they have to be. */
export interface OutgoingContent {
  readonly size: number;
  open(): AsyncIterable<Buffer>;
}

/**
 * A message on its way out, which knows how far it has come. A message that turns out shorter or longer than it should
 * be fails before its end, so that the server never takes a part for the whole.
 */
export class MeasuredMessage {
  readonly stream: Readable;
  #progress: 'none' | 'partial' | 'whole' = 'none';

  constructor(source: OutgoingContent) {
    this.stream = Readable.from(this.#read(source), { objectMode: false });
  }

  /** What has been handed on: nothing, some of it, or all of it. */
  get progress(): 'none' | 'partial' | 'whole' {
    return this.#progress;
  }

  async *#read(source: OutgoingContent): AsyncGenerator<Buffer> {
    this.#progress = 'partial';
    let octets = 0;
    for await (const chunk of source.open()) {
      octets += chunk.length;
      if (octets > source.size) break;
      yield chunk;
    }
    if (octets !== source.size)
      throw new Error(`The stored message has ${octets} octets where ${source.size} were expected.`);
    this.#progress = 'whole';
  }
}
