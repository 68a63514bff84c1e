import { setTimeout as sleep } from 'node:timers/promises';
import { BridgeError } from '../../base/errors.ts';
import type { GraphClient, GraphRequest, GraphResponse } from '../client/client.ts';
import { GraphError, GraphUnansweredError } from '../client/error.ts';
import { jsonBody } from '../json/body.ts';
import type { ExtendedProperty } from '../json/fields.ts';

/** Whose drafts, and how to reach them. */
export interface DraftPlace {
  readonly client: GraphClient;
  readonly mailbox: string;
  /** `mailbox`: `/users/{mailbox}`; `me`: `/me`, for a delegated token of that mailbox. */
  readonly sendAs: 'mailbox' | 'me';
}

/** Marks our drafts, for {@link sweepDrafts}. It never leaves the mailbox, because it has no header field name. */
export const draftMark: ExtendedProperty = {
  id: 'String {8a9c2f4e-5d1b-4c7a-9e36-0b7f1d2a6c58} Name MailbridgeDraft',
  value: 'upload',
};

/** Path of the mailbox, including the version. */
export function userPath({ mailbox, sendAs }: Pick<DraftPlace, 'mailbox' | 'sendAs'>): string {
  return sendAs === 'me' ? '/v1.0/me' : `/v1.0/users/${encodeURIComponent(mailbox)}`;
}

/** Ids that stay the same when the message moves to Sent Items. */
const immutableIds = { prefer: 'IdType="ImmutableId"' };

/** Replaces the lost answer. */
const accepted = { status: 202, requestId: undefined };

/** Tries for a change that conflicts with another one, and the longest first wait between them. */
const maxTries = 5;
const longestWaitMs = 2_000;

/** A message in Drafts of which only the id is known here. */
export class Draft {
  readonly place: DraftPlace;
  readonly id: string;

  private constructor(place: DraftPlace, id: string) {
    this.place = place;
    this.id = id;
  }

  /**
   * Creates a draft (Microsoft: "Create message"); needs Mail.ReadWrite.
   * @throws as GraphClient.request
   */
  static async create(place: DraftPlace, message: Record<string, unknown>, signal: AbortSignal): Promise<Draft> {
    const answer = await place.client.request({
      method: 'POST',
      path: `${userPath(place)}/messages`,
      mailbox: place.mailbox,
      headers: immutableIds,
      body: jsonBody(message),
      signal,
    });
    return new Draft(place, stringIn(answer, 'id'));
  }

  /** An existing message to be filled. */
  static at(place: DraftPlace, id: string): Draft {
    return new Draft(place, id);
  }

  /**
   * Makes one request about this draft. Exchange may refuse a change while it saves another one, without doing any of
   * it: the request is then repeated.
   * @param subpath including its slash
   */
  async request(
    method: GraphRequest['method'],
    subpath: string,
    rest: Pick<GraphRequest, 'body' | 'beforeSending' | 'signal'>,
  ): Promise<GraphResponse> {
    const { client, mailbox } = this.place;
    const path = `${userPath(this.place)}/messages/${encodeURIComponent(this.id)}${subpath}`;
    for (let tries = 1; ; tries += 1) {
      try {
        return await client.request({ method, path, mailbox, headers: immutableIds, ...rest });
      } catch (error) {
        if (tries === maxTries || !isConflict(error)) throw error;
        await sleep(Math.min(client.retry.waitMs, longestWaitMs) * tries, undefined, { signal: rest.signal });
      }
    }
  }

  /** How many attachments it has. */
  async countAttachments(signal: AbortSignal): Promise<number> {
    const answer = await this.request('GET', '/attachments?$select=id&$top=999', { signal });
    const { value } = objectIn(answer) as { value?: unknown };
    return Array.isArray(value) ? value.length : 0;
  }

  /**
   * Sends it (Microsoft: "message: send"). Whatever the answer, or without one, the message itself shows what has
   * become of it: it can be sent only once.
   * @throws GraphUnansweredError, or GraphError 504, if even that cannot be found out; what `beforeSending` throws
   */
  async send(
    request: Pick<GraphRequest, 'beforeSending' | 'signal'>,
  ): Promise<Pick<GraphResponse, 'status' | 'requestId'>> {
    const { signal } = request;
    let lost: unknown;
    for (;;) {
      try {
        const answer = await this.request('POST', '/send', request);
        if (answer.status === accepted.status) return answer;
        return (await this.#state(signal)) === 'sent' ? accepted : answer;
      } catch (error) {
        const state = await this.#state(signal);
        // If no draft is left, the first request was slow, not lost.
        if (state === 'sent' || (state === 'gone' && lost !== undefined)) return accepted;
        if (lost !== undefined) throw state === 'draft' ? error : lost;
        if (state !== 'draft' || !mayBeDone(error)) throw error;
        lost = error;
      }
    }
  }

  async #state(signal: AbortSignal): Promise<'draft' | 'sent' | 'gone' | 'unknown'> {
    try {
      const answer = await this.request('GET', '?$select=isDraft', { signal });
      const { isDraft } = objectIn(answer) as { isDraft?: unknown };
      if (typeof isDraft !== 'boolean') return 'unknown';
      return isDraft ? 'draft' : 'sent';
    } catch (error) {
      return isNotFound(error) ? 'gone' : 'unknown';
    }
  }

  /** Deletes it; a missing draft is not a failure. */
  async delete(signal: AbortSignal): Promise<void> {
    await deleteMessage(this.place, this.id, signal);
  }
}

/** Whether Graph may have done what was requested. */
export function mayBeDone(error: unknown): boolean {
  return error instanceof GraphUnansweredError ? error.mayBeDone : error instanceof GraphError && error.status === 504;
}

/** Whether the change key of a draft differed from a moment before (`ErrorIrresolvableConflict`). */
export function isConflict(error: unknown): boolean {
  return error instanceof GraphError && (error.status === 409 || error.status === 412);
}

/** Whether the object does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof GraphError && error.status === 404;
}

const draftsPerPage = 250;
/** More than this is left to the next sweep. */
const mostPages = 40;

/**
 * Deletes drafts that an interrupted run left behind: all in the mailbox, up to 10,000.
 * @param options.olderThanMs longer than any upload takes: another bridge may be at work in the same mailbox
 * @param options.nowMs milliseconds since 1970
 * @returns how many there were
 * @throws as GraphClient.request
 */
export async function sweepDrafts(
  place: DraftPlace,
  options: { readonly olderThanMs: number; readonly nowMs: number; readonly signal: AbortSignal },
): Promise<number> {
  const old: string[] = [];
  // All are listed before any is deleted, because the next page is counted from the start of the list.
  for await (const { id, createdDateTime } of ourDrafts(place, options.signal)) {
    if (Date.parse(String(createdDateTime)) < options.nowMs - options.olderThanMs) old.push(String(id));
  }
  for (const id of old) await deleteMessage(place, id, options.signal);
  return old.length;
}

interface ListedDraft {
  readonly id?: unknown;
  readonly createdDateTime?: unknown;
}

async function* ourDrafts(place: DraftPlace, signal: AbortSignal): AsyncGenerator<ListedDraft> {
  const { client, mailbox } = place;
  const mark = `singleValueExtendedProperties/Any(ep: ep/id eq '${draftMark.id}' and ep/value eq '${draftMark.value}')`;
  const query = new URLSearchParams({ $filter: mark, $select: 'id,createdDateTime', $top: String(draftsPerPage) });
  let path: string | undefined = `${userPath(place)}/mailFolders/drafts/messages?${query}`;
  for (let page = 1; path !== undefined && page <= mostPages; page++) {
    const answer: GraphResponse = await client.request({ method: 'GET', path, mailbox, headers: immutableIds, signal });
    const listed = objectIn(answer) as { value?: readonly ListedDraft[]; '@odata.nextLink'?: unknown };
    yield* listed.value ?? [];
    path = pathOf(listed['@odata.nextLink']);
  }
}

/** The path of a link, which is only followed on the host we know. */
function pathOf(link: unknown): string | undefined {
  if (typeof link !== 'string' || !URL.canParse(link)) return undefined;
  const { pathname, search } = new URL(link);
  return `${pathname}${search}`;
}

async function deleteMessage(place: DraftPlace, id: string, signal: AbortSignal): Promise<void> {
  const { client, mailbox } = place;
  const path = `${userPath(place)}/messages/${encodeURIComponent(id)}`;
  try {
    await client.request({ method: 'DELETE', path, mailbox, headers: immutableIds, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The object in a successful answer. @throws BridgeError `upstream-answer-invalid` */
export function objectIn(answer: GraphResponse): object {
  try {
    const value: unknown = JSON.parse(answer.text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Reported below.
  }
  throw new BridgeError('upstream-answer-invalid', `Graph answered ${answer.status} without a JSON object.`);
}

/** A string in it. @throws BridgeError `upstream-answer-invalid` */
export function stringIn(answer: GraphResponse, name: string): string {
  const value = (objectIn(answer) as Record<string, unknown>)[name];
  if (typeof value === 'string') return value;
  throw new BridgeError('upstream-answer-invalid', `Graph answered ${answer.status} without "${name}".`);
}
