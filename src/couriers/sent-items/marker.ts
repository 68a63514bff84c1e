import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { normalizeAddress } from '../../message/address/address.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';

/**
 * Our own field on every message that leaves. The Message-ID is the client's: some devices use one again and again,
 * and a message that goes out in several requests has the same in each.
 */
export const markerField = 'X-Mailbridge-Id';

/**
 * Names a message and whom one request or transaction of it is for. What leaves with a message is sealed besides: so a
 * copy is known for one of this bridge, of that message, by whoever has the key and nothing else, long after its
 * recipients are forgotten.
 */
export class Marker {
  readonly #key: KeyObject;

  /** @param key without it nobody can try out which hidden recipients a message has */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** What copies are compared by, of the same length for all recipients of a message. */
  of(id: string, recipients: readonly EnvelopeRecipient[]): string {
    const addresses = recipients.map(({ address }) => normalizeAddress(address));
    return `${id}.${this.#digest([id, ...[...new Set(addresses)].toSorted()])}`;
  }

  /** The value of the field. */
  sealed(id: string, recipients: readonly EnvelopeRecipient[]): string {
    const marker = this.of(id, recipients);
    return `${marker}.${this.#sealOf(marker)}`;
  }

  /** The whole field. */
  line(id: string, recipients: readonly EnvelopeRecipient[]): string {
    return `${markerField}: ${this.sealed(id, recipients)}\r\n`;
  }

  /** Whether a value of the field was made here for this message, whoever it was for. */
  isOwn(value: string, id: string): boolean {
    const marker = unsealed(value);
    if (!/^[0-9a-z]+\.[0-9a-f]{16}$/i.test(marker) || !marker.startsWith(`${id}.`)) return false;
    const given = Buffer.from(value.trim());
    const right = Buffer.from(`${marker}.${this.#sealOf(marker)}`);
    return given.length === right.length && timingSafeEqual(given, right);
  }

  /** No id holds a blank, so no digest of recipients is a seal. */
  #sealOf(marker: string): string {
    return this.#digest([`seal of ${marker}`]);
  }

  #digest(lines: readonly string[]): string {
    const digest = createHmac('sha256', this.#key);
    for (const line of lines) digest.update(`${line}\n`);
    return digest.digest('hex').slice(0, 16);
  }
}

/** A value of the field as {@link Marker.of} has it. Earlier versions sent it without a seal. */
export function unsealed(value: string): string {
  return value.trim().split('.').slice(0, 2).join('.');
}
