import type { MimePart } from '../../message/mime/part.ts';
import { readWholeMime } from '../../message/mime/reader.ts';

/** A message with its MIME structure. */
export class ParsedMessage {
  readonly octets: Buffer;
  /** The message itself, as the part that contains all others. */
  readonly root: MimePart;

  constructor(octets: Buffer) {
    this.octets = octets;
    this.root = readWholeMime(octets);
  }

  /** The body of a part as it is, without the line end before the delimiter that follows it. */
  body(part: MimePart): Buffer {
    return this.octets.subarray(part.start, part.bodyEnd);
  }
}
