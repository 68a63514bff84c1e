import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { readOwnFile } from '../../base/files/own-file.ts';
import { makeOwnFolder } from '../../base/files/own-folder.ts';
import { normalizeAddress } from '../../message/address/address.ts';
import type { EnvelopeRecipient } from '../../message/envelope.ts';

/**
 * Our own field on every message that leaves. The Message-ID is the client's: some devices use one again and again,
 * and a message that goes out in several requests has the same in each.
 */
export const markerField = 'X-Mailbridge-Id';

/** Names a message and whom one request or transaction of it is for. */
export class Marker {
  readonly #key: KeyObject;

  /** @param key without it nobody can try out which hidden recipients a message has */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
  }

  /** With the key in a file, made at first use. @throws Error of the file system */
  static withKeyFile(file: string): Marker {
    try {
      makeOwnFolder(dirname(file));
      writeFileSync(file, randomBytes(32), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    return new Marker(readOwnFile(file) ?? Buffer.alloc(0));
  }

  /** The value of the field, of the same length for all recipients of a message. */
  of(id: string, recipients: readonly EnvelopeRecipient[]): string {
    const digest = createHmac('sha256', this.#key).update(`${id}\n`);
    const addresses = recipients.map(({ address }) => normalizeAddress(address));
    for (const address of [...new Set(addresses)].toSorted()) digest.update(`${address}\n`);
    return `${id}.${digest.digest('hex').slice(0, 16)}`;
  }

  /** The whole field. */
  line(id: string, recipients: readonly EnvelopeRecipient[]): string {
    return `${markerField}: ${this.of(id, recipients)}\r\n`;
  }
}
