import { createHmac, randomBytes } from 'node:crypto';

/**
 * Computes digests with a key that never leaves this process: from a digest, nobody else can forge one or check a
 * guess.
 */
export class KeyedDigest {
  readonly #key = randomBytes(32);

  /** Returns a digest of several texts. */
  of(...texts: readonly string[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const text of texts) {
      const bytes = Buffer.from(text, 'utf8');
      // Lengths keep ("ab", "c") and ("a", "bc") apart.
      hmac.update(`${bytes.length}:`).update(bytes);
    }
    return hmac.digest('base64');
  }
}
