import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../../base/errors.ts';
import type { GraphResponse } from '../client/client.ts';
import { GraphError, GraphUnansweredError, notSent } from '../client/error.ts';
import type { JsonAttachment } from '../json/attachment.ts';
import { jsonBody, octetsBody } from '../json/body.ts';
import { type Draft, objectIn, stringIn } from './draft.ts';

/** Tries for one chunk without any of its octets arriving. */
const maxTries = 5;

/**
 * A longer wait that Graph asks for is not accepted, even with most of a large file uploaded: the session may be over
 * by then, and the mailbox has to pause.
 */
const longestWaitMs = 120_000;

/** Uploads an attachment into a draft, chunk by chunk (Microsoft: "attachment: createUploadSession"). */
export class UploadSession {
  readonly #draft: Draft;
  readonly #url: string;
  readonly #total: number;
  readonly #signal: AbortSignal;
  #arrived = 0;
  #isAttached = false;

  private constructor(draft: Draft, url: string, total: number, signal: AbortSignal) {
    this.#draft = draft;
    this.#url = url;
    this.#total = total;
    this.#signal = signal;
  }

  /** @throws as GraphClient.request */
  static async open(draft: Draft, attachment: JsonAttachment, signal: AbortSignal): Promise<UploadSession> {
    const { name, contentType, contentId, isInline, octets } = attachment;
    const item = {
      attachmentType: 'file',
      name,
      size: octets,
      contentType,
      isInline,
      ...(contentId !== undefined && { contentId }),
    };
    const body = jsonBody({ AttachmentItem: item });
    const answer = await draft.request('POST', '/attachments/createUploadSession', { body, signal });
    const url = stringIn(answer, 'uploadUrl');
    if (!url.startsWith('https://')) {
      throw new BridgeError('upstream-answer-invalid', 'Graph named an upload URL that is not https.');
    }
    return new UploadSession(draft, url, octets, signal);
  }

  /** The whole file is uploaded, but Graph has not confirmed that it is attached: it is, or it is lost. */
  get isDoubtful(): boolean {
    return this.#arrived === this.#total && !this.#isAttached;
  }

  /**
   * Uploads the next octets of the file; after an interruption, those that have not arrived.
   * @param chunk less than 4 MB; it must not change until the promise is settled
   * @throws GraphError; GraphUnansweredError, also if the session ends before the file is complete
   */
  async put(chunk: Buffer): Promise<void> {
    const start = this.#arrived;
    for (let tries = 1; this.#arrived < start + chunk.length; ) {
      const before = this.#arrived;
      const arrived = await this.#putOnce(chunk.subarray(before - start), before).catch((error: unknown) =>
        this.#recover(error, tries, start, chunk.length),
      );
      // Octets of earlier chunks are gone, or more have arrived than were sent.
      if (arrived < start || arrived > start + chunk.length) {
        throw notSent('An upload session of Graph expects other bytes than it gets');
      }
      this.#arrived = arrived;
      tries = this.#arrived > before ? 1 : tries + 1;
    }
  }

  /** @returns how many octets of the file have arrived */
  async #putOnce(octets: Buffer, from: number): Promise<number> {
    const end = from + octets.length;
    const answer = await this.#draft.place.client.requestUrl({
      method: 'PUT',
      url: this.#url,
      mailbox: this.#draft.place.mailbox,
      headers: { 'content-range': `bytes ${from}-${end - 1}/${this.#total}` },
      body: octetsBody(octets),
      signal: this.#signal,
    });
    if (answer.status !== 201) return nextExpected(answer) ?? end;
    this.#isAttached = true;
    return end;
  }

  /**
   * After a failed try: waits as requested, then asks what has arrived.
   * @returns how many octets of the file have arrived
   * @throws the failure, if that is no use
   */
  async #recover(error: unknown, tries: number, start: number, length: number): Promise<number> {
    const isLast = start + length === this.#total;
    // The session ends with the file: an earlier try may have delivered its last octets.
    if (isLast && isOver(error) && tries > 1) return this.#total;
    if (isOver(error)) throw notSent('An upload session of Graph ended early', error);
    if (this.#signal.aborted || tries >= maxTries || !passes(error)) throw error;
    const { waitMs: base } = this.#draft.place.client.retry;
    const asked = error instanceof GraphError ? error.retryAfterMs : undefined;
    if (asked !== undefined && asked > longestWaitMs) throw error;
    await sleep(asked ?? Math.min(base * 2 ** (tries - 1), longestWaitMs), undefined, { signal: this.#signal });
    return this.#status();
  }

  /** The session's own status; without an answer nothing new is known, and the next try will show. */
  async #status(): Promise<number> {
    const { client, mailbox } = this.#draft.place;
    try {
      const answer = await client.requestUrl({ method: 'GET', url: this.#url, mailbox, signal: this.#signal });
      return nextExpected(answer) ?? this.#arrived;
    } catch {
      this.#signal.throwIfAborted();
      return this.#arrived;
    }
  }
}

/** The first missing octet: `["2097152-"]`, or `["2097152"]` as Outlook writes it. */
function nextExpected(answer: GraphResponse): number | undefined {
  try {
    const answered = objectIn(answer) as Record<string, unknown>;
    const ranges = answered.nextExpectedRanges ?? answered.NextExpectedRanges;
    const first = /^\d+/.exec(String(Array.isArray(ranges) ? (ranges[0] ?? '') : ''));
    return first === null ? undefined : Number(first[0]);
  } catch {
    return undefined;
  }
}

/** 401 and 403 concern the token in the URL, not the application's. */
function isOver(error: unknown): boolean {
  return error instanceof GraphError && [401, 403, 404, 410].includes(error.status);
}

/** Whether another try may help. 409, 412 and 416: the chunk is not the expected one, which the session will show. */
function passes(error: unknown): boolean {
  if (error instanceof GraphUnansweredError) return error.cause instanceof BridgeError;
  return error instanceof GraphError && (error.status >= 500 || [408, 409, 412, 416, 423, 429].includes(error.status));
}
