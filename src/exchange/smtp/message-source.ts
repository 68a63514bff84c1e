import { Readable } from 'node:stream';

/** Content to send: its bytes, opened on demand, and their expected number. */
export interface OutgoingContent {
  readonly size: number;
  open(): AsyncIterable<Buffer>;
}

/**
 * A message being sent, which tracks its progress. A message that turns out shorter or longer than expected fails
 * before its end, so that the server never takes a part for the whole.
 */
export class MeasuredMessage {
  readonly stream: Readable;
  #progress: 'none' | 'partial' | 'whole' = 'none';

  constructor(source: OutgoingContent) {
    this.stream = Readable.from(this.#read(source), { objectMode: false });
  }

  /** How much has been passed on: nothing, part, or all of it. */
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
