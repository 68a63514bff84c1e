import { Decrypter, Encrypter } from 'age-encryption';
import { BridgeError, systemErrorCode } from '../base/errors.ts';

/*
 * The age format (https://age-encryption.org/v1) with a passphrase: a backup can be opened with the program `age`,
 * years from now and without mailbridge.
 */

const firstLine = 'age-encryption.org/v1\n';
/** Limit of the text before the encrypted part; with a passphrase it has some 150 bytes. */
const maxHeaderBytes = 4096;
/** The encrypted part is sealed in pieces of this size, each with its own tag. */
const pieceBytes = 64 * 1024 + 16;
const nonceBytes = 16;

/**
 * Encrypts a stream.
 * @param source chunks of at least one byte
 */
export async function* sealed(source: AsyncIterable<Uint8Array>, passphrase: string): AsyncGenerator<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  yield* await encrypter.encrypt(ReadableStream.from(source));
}

/**
 * Decrypts what {@link sealed} made. Each piece that comes out is exactly what went in at its place; only the end shows
 * that nothing is missing there.
 * @param name of the file, for errors
 * @throws BridgeError `backup-unreadable`, `backup-format-newer`, `backup-passphrase-wrong`, `backup-incomplete`,
 * `backup-damaged`; whatever the source throws
 */
export async function* opened(
  source: AsyncIterable<Uint8Array>,
  passphrase: string,
  name: string,
): AsyncGenerator<Uint8Array> {
  const input = new CountedInput(source);
  const start = await input.peek(maxHeaderBytes);
  assertForm(start, name);
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  let pieces = 0;
  try {
    for await (const piece of await decrypter.decrypt(ReadableStream.from(input.all()))) {
      yield piece;
      pieces += 1;
    }
  } catch (cause) {
    if (input.error !== undefined) throw input.error;
    if (cause instanceof BridgeError || systemErrorCode(cause) !== undefined) throw cause;
    throw await refusal(cause, input, pieces, start.indexOf('\n---') + 1, name);
  }
}

/** @throws BridgeError `backup-unreadable`, `backup-format-newer`, `backup-incomplete` */
function assertForm(start: Buffer, name: string): void {
  const text = start.toString('latin1');
  if (!text.startsWith('age-encryption.org/')) {
    if (text !== '' && !firstLine.startsWith(text)) throw foreign(name);
    throw new BridgeError('backup-incomplete', `${name} is cut short: it has ${start.length} bytes.`);
  }
  if (!text.startsWith(firstLine.slice(0, text.length))) {
    throw new BridgeError('backup-format-newer', `${name} is encrypted in a later format than this version knows.`);
  }
  if (text.includes('\n-> ') && !text.includes('\n-> scrypt ')) {
    throw new BridgeError('backup-unreadable', `${name} is encrypted with a key, not with a passphrase.`, {
      remedy: 'Decrypt it with age -d, and encrypt it again with age -p.',
    });
  }
  if (!/\n--- .*\n/.test(text)) {
    if (start.length === maxHeaderBytes) throw foreign(name);
    throw new BridgeError('backup-incomplete', `${name} is cut short: it has ${start.length} bytes.`);
  }
}

function foreign(name: string): BridgeError {
  return new BridgeError('backup-unreadable', `${name} is not a backup of mailbridge.`);
}

async function refusal(
  cause: unknown,
  input: CountedInput,
  pieces: number,
  macAt: number,
  name: string,
): Promise<BridgeError> {
  if (/no identity matched/.test(String(cause))) {
    return new BridgeError('backup-passphrase-wrong', `${name} was not made with this passphrase.`, { cause });
  }
  const total = await input.drain();
  const payloadAt = input.lineEnd(macAt) + nonceBytes;
  // The last piece is marked as the last.
  const isLast = payloadAt + (pieces + 1) * pieceBytes >= total;
  return isLast
    ? new BridgeError('backup-incomplete', `${name} is cut short, or was changed at its end.`, { cause })
    : new BridgeError('backup-damaged', `${name} was changed: what is in it cannot be trusted.`, { cause });
}

/** A stream whose start can be inspected, and which counts what has passed. */
class CountedInput {
  readonly #source: AsyncIterator<Uint8Array>;
  #start = Buffer.alloc(0);
  #bytes = 0;
  #isOver = false;
  /** The error of the source. */
  error: unknown;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async peek(bytes: number): Promise<Buffer> {
    while (this.#start.length < bytes) {
      const chunk = await this.#next();
      if (chunk === undefined) break;
      this.#start = Buffer.concat([this.#start, chunk]);
    }
    return this.#start.subarray(0, bytes);
  }

  async *all(): AsyncGenerator<Uint8Array> {
    yield this.#start;
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) yield chunk;
  }

  /** @returns how many bytes there were in total */
  async drain(): Promise<number> {
    while ((await this.#next()) !== undefined);
    return this.#bytes;
  }

  /** Where the line ends that begins at a position of the start. */
  lineEnd(at: number): number {
    return this.#start.indexOf('\n', at) + 1;
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    try {
      const { value, done } = await this.#source.next();
      this.#isOver = done === true;
      if (done) return undefined;
      this.#bytes += value.length;
      return value;
    } catch (error) {
      this.#isOver = true;
      this.error = error;
      throw error;
    }
  }
}
