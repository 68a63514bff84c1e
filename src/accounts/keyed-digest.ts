import { createHmac, randomBytes } from 'node:crypto';

/** Digests under a key that never leaves this process: who sees one can neither make it nor check a guess against it. */
export class KeyedDigest {
  readonly #key = randomBytes(32);

  /** A digest of some texts. */
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
