import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { normalizeAddress } from '../../message/address/address.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';

/**
 * Our field on every message that leaves. The Message-ID is the client's: some devices reuse one, and a message sent in
 * several requests has the same in each.
 */
export const markerField = 'X-Mailbridge-Id';

/**
 * Identifies a message and the recipients of one of its requests or transactions. The field is also sealed: anybody
 * with the key, and nothing else, recognizes a copy as this bridge's and of that message, long after its recipients are
 * forgotten.
 */
export class Marker {
  readonly #key: KeyObject;

  /** @param key keeps others from trying out which hidden recipients a message has */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** The marker that copies are compared by, of the same length for any recipients of a message. */
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

  /** Whether a value of the field was made here for this message, for whatever recipients. */
  isOwn(value: string, id: string): boolean {
    const marker = unsealed(value);
    if (!/^[0-9a-z]+\.[0-9a-f]{16}$/i.test(marker) || !marker.startsWith(`${id}.`)) return false;
    const given = Buffer.from(value.trim());
    const right = Buffer.from(`${marker}.${this.#sealOf(marker)}`);
    return given.length === right.length && timingSafeEqual(given, right);
  }

  /** No id contains a space, so no digest of recipients is a seal. */
  #sealOf(marker: string): string {
    return this.#digest([`seal of ${marker}`]);
  }

  #digest(lines: readonly string[]): string {
    const digest = createHmac('sha256', this.#key);
    for (const line of lines) digest.update(`${line}\n`);
    return digest.digest('hex').slice(0, 16);
  }
}

/** Reduces a value of the field to the form of {@link Marker.of}. Earlier versions sent it without a seal. */
export function unsealed(value: string): string {
  return value.trim().split('.').slice(0, 2).join('.');
}
