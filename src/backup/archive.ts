import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { createTarDecoder, createTarPacker, type ParsedTarEntry } from 'modern-tar';
import { BridgeError, errorText } from '../base/errors.ts';
import { fileErrorText } from '../base/files/private-file.ts';
import { opened, sealed } from './seal.ts';

/** A file to put into an archive. */
export interface ArchiveEntry {
  /** Parts separated by slashes. */
  readonly name: string;
  /** The content, or the path of the file with it. */
  readonly content: Buffer | string;
  readonly mtime: Date;
}

/** Options for writing or reading an archive. */
export interface ArchiveOptions {
  readonly passphrase: string;
  readonly signal?: AbortSignal;
  /** Reports how many bytes have been read from the files, or from the archive. */
  onBytes?(bytes: number): void;
  /** False leaves the output stream open. */
  readonly end?: boolean;
}

/**
 * Writes files as a tar archive, compressed with gzip and encrypted with age. Never has more than a few megabytes in
 * memory.
 * @throws BridgeError `backup-file-unreadable`; the reason of `signal`; what `to` fails with
 */
export async function writeArchive(
  entries: readonly ArchiveEntry[],
  to: NodeJS.WritableStream,
  { passphrase, signal, onBytes, end = true }: ArchiveOptions,
): Promise<void> {
  const { readable, controller } = createTarPacker();
  const packed = pack(entries, controller, onBytes ?? (() => {})).catch((error: unknown) => controller.error(error));
  const seal = (plain: AsyncIterable<Buffer>) => sealed(plain, passphrase);
  try {
    await pipeline(readable, createGzip(), seal, to, { end, ...(signal && { signal }) });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
  await packed;
}

type Packer = ReturnType<typeof createTarPacker>['controller'];

async function pack(entries: readonly ArchiveEntry[], packer: Packer, onBytes: (bytes: number) => void): Promise<void> {
  for (const { name, content, mtime } of entries) {
    const size = typeof content === 'string' ? (await fromFile(content, () => lstat(content))).size : content.length;
    const body = packer.add({ name, size, mode: 0o600, mtime, type: 'file' }).getWriter();
    for await (const chunk of typeof content === 'string' ? chunksOf(content, size) : [content]) {
      if (chunk.length === 0) continue;
      await body.write(chunk);
      onBytes(chunk.length);
    }
    await body.close();
  }
  packer.finalize();
}

/** Yields exactly as many bytes as its header says. @throws BridgeError `backup-file-unreadable` */
async function* chunksOf(file: string, size: number): AsyncGenerator<Buffer> {
  const chunks = createReadStream(file, { highWaterMark: 256 * 1024 })[Symbol.asyncIterator]();
  let bytes = 0;
  for (;;) {
    const { value, done } = await fromFile(file, () => chunks.next());
    if (done) break;
    bytes += value.length;
    if (bytes > size) break;
    yield value;
  }
  if (bytes !== size) throw unreadable(file, new Error('it has changed meanwhile'));
}

async function fromFile<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): BridgeError {
  return new BridgeError('backup-file-unreadable', `${file} cannot be read (${fileErrorText(cause)}).`, { cause });
}

/** A file read from an archive. */
export interface ReadEntry {
  readonly name: string;
  readonly size: number;
  /** To be read to its end before the next entry comes. */
  readonly content: ReadableStream<Uint8Array>;
}

/** Parts of letters, digits and other file name characters, none of them `.` or `..`. */
const safeName = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^\p{Cc}\\/:]+(?:\/[^\p{Cc}\\/:]+)*$/u;

/**
 * Reads what {@link writeArchive} wrote, entry by entry. Entries must not be used for anything before all have come:
 * only then is it known that nothing is missing.
 * @param name of the archive, for errors
 * @param take receives each entry; all have plain relative names
 * @throws BridgeError as {@link opened} does; what `take` throws; Error of the file system; the reason of `signal`
 */
export async function readArchive(
  from: AsyncIterable<Uint8Array>,
  name: string,
  take: (entry: ReadEntry) => Promise<void>,
  { passphrase, signal, onBytes }: ArchiveOptions,
): Promise<void> {
  const counted = async function* () {
    for await (const chunk of from) {
      yield chunk;
      onBytes?.(chunk.length);
    }
  };
  const read = async (plain: AsyncIterable<Uint8Array>) => {
    const entries = ReadableStream.from(plain).pipeThrough(createTarDecoder({ strict: true }));
    for await (const entry of entries) await take(entryOf(entry, name));
  };
  try {
    await pipeline(opened(counted(), passphrase, name), createGunzip(), read, { ...(signal && { signal }) });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw isFormFault(cause)
      ? new BridgeError('backup-damaged', `${name} holds no archive of mailbridge (${errorText(cause)}).`, { cause })
      : cause;
  }
}

function entryOf({ header, body }: ParsedTarEntry, name: string): ReadEntry {
  // Refuses everything that leads elsewhere: links of both kinds, devices, names with `..`.
  if (header.type !== 'file' || !safeName.test(header.name)) {
    throw new BridgeError('backup-damaged', `${name} holds "${header.name}", which is no part of a backup.`);
  }
  return { name: header.name, size: header.size, content: body };
}

/** Whether gzip or tar finds the format wrong. */
function isFormFault(cause: unknown): boolean {
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code.startsWith('Z_');
  return cause instanceof Error && !(cause instanceof BridgeError) && /tar|EOF|header|attributes/i.test(cause.message);
}
