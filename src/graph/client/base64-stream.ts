import { Transform, type TransformCallback } from 'node:stream';

/** Number of octets of `octets` octets in base64, including padding, without line ends. */
export function base64Length(octets: number): number {
  return Math.ceil(octets / 3) * 4;
}

/**
 * Encodes a stream as base64 on one line. Fails at the end if it was not `expectedOctets` octets. The last letters come
 * only with the end: a reader that has all of them knows that nothing follows.
 */
export class Base64Encoder extends Transform {
  readonly #expectedOctets: number;
  #octets = 0;
  /** Up to three octets waiting for more. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(expectedOctets: number) {
    super();
    this.#expectedOctets = expectedOctets;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#octets += chunk.length;
    const octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = Math.max(0, octets.length - (octets.length % 3 || 3));
    this.#rest = octets.subarray(whole);
    callback(null, Buffer.from(octets.toString('base64', 0, whole), 'latin1'));
  }

  override _flush(callback: TransformCallback): void {
    if (this.#octets !== this.#expectedOctets) {
      callback(new Error(`The message has ${this.#octets} octets where ${this.#expectedOctets} were expected.`));
      return;
    }
    callback(null, Buffer.from(this.#rest.toString('base64'), 'latin1'));
  }
}
