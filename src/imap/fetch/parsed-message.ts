import type { MimePart } from '../../message/mime/part.ts';
import { readWholeMime } from '../../message/mime/reader.ts';

/** A message and what was found in it. */
export class ParsedMessage {
  readonly octets: Buffer;
  /** The message itself, as the part that all others are in. */
  readonly root: MimePart;

  constructor(octets: Buffer) {
    this.octets = octets;
    this.root = readWholeMime(octets);
  }

  /** The body of a part as it stands, without the line end before the delimiter behind it. */
  body(part: MimePart): Buffer {
    return this.octets.subarray(part.start, part.bodyEnd);
  }
}
