import { createHash } from 'node:crypto';
import { normalizeAddress } from '../message/address/address.ts';
import type { Envelope } from '../message/envelope.ts';
import type { HeaderBlock, HeaderField } from '../message/header/fields.ts';

/**
 * Fields in which two tries of one message may differ. A client gives its second try a new Date. The others are trace
 * fields, which servers put on top (RFC 5322 section 3.6.7; RFC 9228; RFC 8601; RFC 7208 section 9.1; RFC 8617; RFC
 * 6376 section 3.5), and fields of that kind written by Exim, Postfix and Google.
 */
const notCompared = new Set([
  ...['date', 'resent-date'],
  ...['received', 'return-path', 'delivered-to', 'authentication-results', 'received-spf', 'dkim-signature'],
  ...['arc-authentication-results', 'arc-message-signature', 'arc-seal'],
  ...['envelope-to', 'delivery-date', 'x-original-to', 'x-received'],
]);

/** Fingerprints a message as it streams by. */
export class Fingerprint {
  readonly #body = createHash('sha256');
  /** Octets received before the end of the header is known. */
  #held: Buffer[] | undefined = [];
  #hasMessageId = false;
  #header: readonly (readonly [name: string, value: string])[] = [];

  /** Passes the content through unchanged. */
  async *watch(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      if (this.#held) this.#held.push(chunk);
      else this.#body.update(chunk);
      yield chunk;
    }
  }

  /**
   * Takes the header as it came. Some devices never change their Message-ID, so every field counts except {@link
   * notCompared}, however it is folded and wherever it is among fields of other names.
   */
  header(header: HeaderBlock): void {
    this.#hasMessageId = Boolean(header.get('Message-ID'));
    this.#header = header.fields.flatMap(comparedField).toSorted(byName);
    this.#body.update(Buffer.concat(this.#held ?? []).subarray(header.byteLength));
    this.#held = undefined;
  }

  /**
   * The same value for the same message of the same account to the same recipients. Undefined without a Message-ID from
   * the client: two alarms with the same words are two messages.
   */
  value(account: string, { reversePath, recipients }: Envelope): string | undefined {
    if (!this.#hasMessageId) return undefined;
    const addresses = recipients.map(({ address }) => normalizeAddress(address)).toSorted();
    const facts = [account, normalizeAddress(reversePath), addresses, this.#header, this.#body.digest('hex')];
    return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  }
}

/**
 * Name and value of a field that counts: on one line, one space for each run of white space, its octets otherwise
 * unchanged.
 */
function comparedField(field: HeaderField): [name: string, value: string][] {
  const name = field.name.trim().toLowerCase();
  if (notCompared.has(name)) return [];
  const value = field
    .valueOctets()
    .toString('latin1')
    .replace(/[ \t\r\n]+/g, ' ')
    .replace(/^ | $/g, '');
  return [[name, value]];
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : Number(one > other);
}
