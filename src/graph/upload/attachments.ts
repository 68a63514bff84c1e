import type { Readable } from 'node:stream';
import { Semaphore } from '../../base/semaphore.ts';
import { type PartPiece, readParts } from '../../message/mime/reader.ts';
import { GraphError, notSent } from '../client/error.ts';
import { attachmentBody, type JsonAttachment } from '../json/attachment.ts';
import { type Draft, mayBeDone } from './draft.ts';
import { UploadSession } from './session.ts';

/**
 * Smaller files are sent in one request, others in an upload session: "3 MB" (Microsoft: "Attach large files"). A
 * request may have 4 MiB, which 3 MiB in base64 already fill.
 */
export const sessionFromOctets = 3_000_000;

/** One chunk of an upload session: a multiple of 320 KiB below 4 MB. */
export const chunkOctets = 12 * 320 * 1024;

/** Buffers in use, and therefore concurrent requests, for one message. */
const maxBuffers = 4;

/**
 * Uploads attachments into a draft while the message is read, once, from its first octet to its last. Several files are
 * uploaded at a time, the chunks of each in order. Memory: four chunks.
 * @returns whether it is certain that each has arrived, once; if not, their number in the draft shows it
 * @throws as GraphClient.request, what the stream throws, MessageChangedError
 */
export async function uploadAttachments(
  draft: Draft,
  attachments: readonly JsonAttachment[],
  open: () => Readable,
  signal: AbortSignal,
): Promise<boolean> {
  const upload = new Upload(draft, signal);
  const byPart = new Map(attachments.map((attachment) => [attachment.part, attachment]));
  try {
    for await (const piece of readParts(open, [...byPart.keys()])) {
      const attachment = byPart.get(piece.part);
      if (attachment !== undefined) await upload.take(attachment, piece);
    }
  } catch (error) {
    upload.fail(error);
  }
  return upload.finish();
}

/** One file: its octets that still wait, and its requests, one after the other. */
interface Transfer {
  readonly attachment: JsonAttachment;
  session: UploadSession | undefined;
  buffer: Buffer | undefined;
  filled: number;
  requests: Promise<void>;
}

class Upload {
  readonly #draft: Draft;
  readonly #permits = new Semaphore(maxBuffers);
  readonly #spare: Buffer[] = [];
  /** By buffer in use: returns its permit. */
  readonly #leave = new Map<Buffer, () => void>();
  readonly #transfers: Transfer[] = [];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;
  #mayLack = false;
  #mayDouble = false;

  constructor(draft: Draft, signal: AbortSignal) {
    this.#draft = draft;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Takes the next octets of the message; waits while all buffers are being sent. */
  async take(attachment: JsonAttachment, { octets, isLast }: PartPiece): Promise<void> {
    const transfer = this.#transferOf(attachment);
    for (let taken = 0; taken < octets.length; ) {
      const buffer = await this.#bufferOf(transfer);
      const copied = octets.copy(buffer, transfer.filled, taken);
      taken += copied;
      transfer.filled += copied;
      if (transfer.filled === buffer.length) this.#flush(transfer);
    }
    if (!isLast) return;
    // An empty file takes one request too.
    if (octets.length === 0 && attachment.octets === 0) await this.#bufferOf(transfer);
    if (transfer.buffer !== undefined) this.#flush(transfer);
  }

  /** The first failure counts; it ends all requests. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
  }

  async finish(): Promise<boolean> {
    for (const { requests } of this.#transfers) await requests;
    if (this.#failure !== undefined) throw this.#failure.error;
    // Then the number of files shows nothing: one may be there twice and another missing.
    if (this.#mayLack && this.#mayDouble) throw notSent('A file of the draft may be missing or attached twice');
    return !this.#mayLack && !this.#mayDouble;
  }

  #transferOf(attachment: JsonAttachment): Transfer {
    const last = this.#transfers.at(-1);
    if (last?.attachment === attachment) return last;
    const next = { attachment, session: undefined, buffer: undefined, filled: 0, requests: Promise.resolve() };
    this.#transfers.push(next);
    return next;
  }

  async #bufferOf(transfer: Transfer): Promise<Buffer> {
    if (transfer.buffer === undefined) {
      const leave = await this.#permits.acquire(this.#signal);
      transfer.buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(chunkOctets);
      this.#leave.set(transfer.buffer, leave);
    }
    return transfer.buffer;
  }

  #giveBack(buffer: Buffer): void {
    this.#spare.push(buffer);
    this.#leave.get(buffer)?.();
  }

  #flush(transfer: Transfer): void {
    const { buffer, filled } = transfer;
    if (buffer === undefined) return;
    transfer.buffer = undefined;
    transfer.filled = 0;
    transfer.requests = transfer.requests
      .then(() => (this.#failure ? undefined : this.#send(transfer, buffer.subarray(0, filled))))
      .catch((error: unknown) => this.fail(error))
      .finally(() => this.#giveBack(buffer));
  }

  async #send(transfer: Transfer, octets: Buffer): Promise<void> {
    const { attachment } = transfer;
    if (attachment.octets < sessionFromOctets) return this.#post(attachment, octets);
    try {
      transfer.session ??= await UploadSession.open(this.#draft, attachment, this.#signal);
    } catch (error) {
      if (isTooSmall(error) && octets.length === attachment.octets) return this.#post(attachment, octets);
      throw error;
    }
    await transfer.session.put(octets);
    if (transfer.session.isDoubtful) this.#mayLack = true;
  }

  async #post(attachment: JsonAttachment, octets: Buffer): Promise<void> {
    const { open, ...body } = attachmentBody(attachment, octets);
    let tries = 0;
    const counted = () => {
      tries += 1;
      return open();
    };
    try {
      await this.#draft.request('POST', '/attachments', { body: { ...body, open: counted }, signal: this.#signal });
    } catch (error) {
      if (this.#signal.aborted || !mayBeDone(error)) throw error;
      this.#mayLack = true;
    }
    // A try that was refused may still have left the file there.
    if (tries > 1) this.#mayDouble = true;
  }
}

/** Some of Microsoft's servers may read 3 MB as 3 MiB. */
function isTooSmall(error: unknown): boolean {
  return error instanceof GraphError && error.code === 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize';
}
