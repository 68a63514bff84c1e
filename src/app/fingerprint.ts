import { createHash } from 'node:crypto';
import { normalizeAddress } from '../message/addresses.ts';
import type { Envelope } from '../message/envelope.ts';
import type { HeaderBlock } from '../message/headers.ts';

/** Watches a message stream by, and tells it from all others. */
export class Fingerprint {
  readonly #body = createHash('sha256');
  /** What came before the end of the header is known. */
  #held: Buffer[] | undefined = [];
  #messageId: string | undefined;

  /** The content, unchanged. */
  async *watch(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      if (this.#held) this.#held.push(chunk);
      else this.#body.update(chunk);
      yield chunk;
    }
  }

  /** The header as it came. What it says is not compared but for the Message-ID: a client dates its second try anew. */
  header(header: HeaderBlock): void {
    this.#messageId = header.get('Message-ID');
    this.#body.update(Buffer.concat(this.#held ?? []).subarray(header.byteLength));
    this.#held = undefined;
  }

  /**
   * The same for the same message of the same account to the same recipients. Undefined without a Message-ID of the
   * client's: two alarms with the same words are two messages.
   */
  value(account: string, { reversePath, recipients }: Envelope): string | undefined {
    if (!this.#messageId) return undefined;
    const addresses = recipients.map(({ address }) => normalizeAddress(address)).toSorted();
    const facts = [account, normalizeAddress(reversePath), addresses, this.#messageId, this.#body.digest('hex')];
    return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  }
}
