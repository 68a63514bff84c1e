import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../base/errors.ts';
import type { GraphResponse } from './client.ts';
import { type Draft, objectIn, stringIn } from './draft.ts';
import { GraphError, GraphUnansweredError, notSent } from './graph-error.ts';
import type { JsonAttachment } from './json-attachment.ts';
import { jsonBody, octetsBody } from './json-body.ts';

/** Tries for one chunk without any octet of it arriving. */
const maxTries = 5;

/**
 * A longer wait than this is not sat out, even with most of a large file uploaded: the session may be over by then, and
 * the mailbox shall rest.
 */
const longestWaitMs = 120_000;

/** An attachment on its way into a draft, chunk by chunk (Microsoft: "attachment: createUploadSession"). */
export class UploadSession {
  readonly #draft: Draft;
  readonly #url: string;
  readonly #total: number;
  readonly #signal: AbortSignal;
  #arrived = 0;
  /** The session ended while its last chunk was under way: the file is attached, or lost. */
  isDoubtful = false;

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

  /**
   * Uploads the next octets of the file; after a cut, those of them that have not arrived.
   * @param chunk less than 4 MB; it must stay as it is until the promise is settled
   * @throws GraphError; GraphUnansweredError, also where the session is over before the file is whole
   */
  async put(chunk: Buffer): Promise<void> {
    const start = this.#arrived;
    for (let tries = 1; this.#arrived < start + chunk.length && !this.isDoubtful; ) {
      const before = this.#arrived;
      try {
        this.#arrived = await this.#putOnce(chunk.subarray(before - start), before);
        if (this.#arrived < start || this.#arrived > start + chunk.length) throw lostTrack();
      } catch (error) {
        await this.#recover(error, tries, start, chunk.length);
      }
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
    return answer.status === 201 ? end : (nextExpected(answer) ?? end);
  }

  /** After a failed try: waits as it is asked to, then asks what has arrived. @throws the failure, where that is no use */
  async #recover(error: unknown, tries: number, start: number, length: number): Promise<void> {
    const isLast = start + length === this.#total;
    if (isLast && isOver(error) && tries > 1) {
      this.isDoubtful = true;
      return;
    }
    if (isOver(error)) throw notSent('An upload session of Graph ended early', error);
    if (this.#signal.aborted || tries >= maxTries || !passes(error)) throw error;
    const { waitMs: base } = this.#draft.place.client.retry;
    const waitMs = (error instanceof GraphError ? error.retryAfterMs : undefined) ?? base * 2 ** (tries - 1);
    if (waitMs > longestWaitMs) throw error;
    await sleep(waitMs, undefined, { signal: this.#signal });
    const arrived = await this.#status();
    if (arrived === undefined) return;
    if (arrived < start || arrived > start + length) throw lostTrack();
    this.#arrived = arrived;
  }

  /** What the session says of itself; undefined where it does not: the next try will show. */
  async #status(): Promise<number | undefined> {
    const { client, mailbox } = this.#draft.place;
    try {
      return nextExpected(await client.requestUrl({ method: 'GET', url: this.#url, mailbox, signal: this.#signal }));
    } catch {
      this.#signal.throwIfAborted();
      return undefined;
    }
  }
}

function lostTrack(): GraphUnansweredError {
  return notSent('An upload session of Graph expects other octets than come');
}

/** The first octet that is missing: `["2097152-"]`, or `["2097152"]` as Outlook writes it. */
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

/** 401 and 403 speak of the token in the URL, not of the application's. */
function isOver(error: unknown): boolean {
  return error instanceof GraphError && [401, 403, 404, 410].includes(error.status);
}

/** Whether another try may help. 409 and 416: the chunk is not what is expected now, which the session will tell. */
function passes(error: unknown): boolean {
  if (error instanceof GraphUnansweredError) return error.cause instanceof BridgeError;
  return error instanceof GraphError && (error.status >= 500 || [408, 409, 416, 423, 429].includes(error.status));
}
