import type { Readable } from 'node:stream';
import { type TransferDecoder, transferDecoder } from './decoders.ts';
import type { MimePart } from './part.ts';
import { type MimeLimits, MimeScanner } from './scanner.ts';

const limits: MimeLimits = { maxParts: 1000, maxDepth: 50, maxHeaderBytes: 2 * 1024 * 1024 };

/** For code that describes a message to others. */
const describedLimits: MimeLimits = { maxParts: 5000, maxDepth: 50, maxHeaderBytes: 1024 * 1024 };

/** The message's bytes do not match its description. */
export class MessageChangedError extends Error {
  override readonly name = 'MessageChangedError';

  constructor(octets: number, expected: number) {
    super(`The message has ${octets} octets where ${expected} were expected.`);
  }
}

/**
 * Finds the parts of a message and their positions. Memory: the headers, 2 MiB at most, and one piece of the stream.
 * @param size exact bytes of the message
 * @throws HeaderTooLargeError, MimeTooComplexError (1,000 parts, nested 50 deep), MessageChangedError, what the stream
 * throws
 */
export async function readMimeStructure(open: () => Readable, size: number): Promise<MimePart> {
  const scanner = new MimeScanner(limits);
  let octets = 0;
  for await (const chunk of open() as AsyncIterable<Buffer>) {
    octets += chunk.length;
    scanner.push(chunk);
  }
  if (octets !== size) throw new MessageChangedError(octets, size);
  return scanner.end();
}

/**
 * Finds the parts of a message in memory, including those of embedded messages, for code that describes them to others.
 * It never fails: beyond 5,000 parts, a nesting depth of 50 and 1 MiB of headers, everything is content. Contents are
 * not decoded.
 */
export function readWholeMime(octets: Buffer): MimePart {
  const scanner = new MimeScanner(describedLimits, { embedded: true, lenient: true, undecoded: true });
  scanner.push(octets);
  return scanner.end();
}

/** A piece of a part's content, decoded. */
export interface PartPiece {
  readonly part: MimePart;
  readonly octets: Buffer;
  /** It is the part's last piece; each part has one, which may be empty. */
  readonly isLast: boolean;
}

/**
 * Reads the contents of parts in one pass, in the order in which they are in the message.
 * @param parts none within another
 * @throws MessageChangedError if the message ends before a part does; what the stream throws
 */
export async function* readParts(open: () => Readable, parts: readonly MimePart[]): AsyncGenerator<PartPiece> {
  const waiting = [...parts].sort((one, other) => one.start - other.start);
  let current = nextOf(waiting);
  if (current === undefined) return;
  let offset = 0;
  for await (const chunk of open() as AsyncIterable<Buffer>) {
    const chunkEnd = offset + chunk.length;
    while (current !== undefined && current.part.start <= chunkEnd) {
      const { part, decoder }: Current = current;
      const from = Math.max(0, part.start - offset);
      const octets = decoder.push(chunk.subarray(from, Math.max(from, part.end - offset)));
      if (part.end > chunkEnd) {
        yield { part, octets, isLast: false };
        break;
      }
      yield { part, octets: joined(octets, decoder.end()), isLast: true };
      current = nextOf(waiting);
    }
    if (current === undefined) return;
    offset = chunkEnd;
  }
  // What is left may be empty, at the very end.
  for (; current !== undefined; current = nextOf(waiting)) {
    if (current.part.end > offset) throw new MessageChangedError(offset, current.part.end);
    yield { part: current.part, octets: current.decoder.end(), isLast: true };
  }
}

/** Reads the content of one part as a whole; for parts known to be small. */
export async function readPart(open: () => Readable, part: MimePart): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const { octets } of readParts(open, [part])) pieces.push(octets);
  return Buffer.concat(pieces);
}

interface Current {
  readonly part: MimePart;
  readonly decoder: TransferDecoder;
}

function nextOf(waiting: MimePart[]): Current | undefined {
  const part = waiting.shift();
  return part && { part, decoder: transferDecoder(part.encoding) };
}

function joined(one: Buffer, other: Buffer): Buffer {
  return other.length === 0 ? one : Buffer.concat([one, other]);
}
