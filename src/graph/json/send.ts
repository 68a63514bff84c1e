import type { Readable } from 'node:stream';
import { BridgeError } from '../../base/errors.ts';
import type { GraphClient, GraphRequest, GraphResponse } from '../client/client.ts';
import { DraftsDeniedError, GraphError, GraphUnansweredError, notSent } from '../client/error.ts';
import { uploadAttachments } from '../upload/attachments.ts';
import { Draft, type DraftPlace, draftMark, isConflict, isNotFound, mayBeDone, userPath } from '../upload/draft.ts';
import type { JsonAttachment } from './attachment.ts';
import { jsonBody } from './body.ts';
import { embeddable, embeddedContents } from './embedded.ts';
import type { FaithfulForm } from './form.ts';
import { type JsonAddressing, jsonMessage } from './message.ts';

/** One message to send in the JSON form. */
export interface SendAsJsonOptions extends JsonAddressing {
  readonly mailbox: string;
  readonly sendAs: DraftPlace['sendAs'];
  readonly survey: FaithfulForm;
  /** The message from its first octet, at each call. */
  readonly open: () => Readable;
  /** Called right before each request that sends the message; if it throws, the attempt ends. */
  readonly beforeSending?: () => void;
  /** Largest request, in octets; default 3,500,000. Graph's limit is 4 MB. */
  readonly maxRequestBytes?: number;
  readonly signal: AbortSignal;
}

/** What is known about a message that was sent. */
export interface SentAsJson {
  /** 202; with any other status the message may not have left. */
  readonly status: number;
  /** Id of the message in Sent Items, if it was a draft before; it stays the same. */
  readonly id?: string;
  readonly requestId?: string;
}

/** Graph's codes for a missing permission. */
const denied = new Set(['erroraccessdenied', 'accessdenied', 'authorization_requestdenied', 'forbidden']);
/** For cleaning up after the attempt itself has failed. */
const deleteTimeoutMs = 15_000;

/**
 * Sends a message in the JSON form, to exactly the given recipients. If it fits, it is sent in one request (`sendMail`,
 * permission Mail.Send). Otherwise a draft is created, attachments are uploaded, and the draft is sent (Mail.ReadWrite
 * as well). A copy stays in Sent Items.
 *
 * A draft that is not sent is deleted, unless Graph may be about to send it. {@link sweepDrafts} finds what a crash
 * leaves behind.
 * @throws GraphError, DraftsDeniedError if drafts are not permitted; GraphUnansweredError, `mayBeDone` only if the
 * message may have been sent; GraphTokenError; MessageChangedError; what the stream throws; the reason of the signal
 */
export async function sendAsJson(client: GraphClient, options: SendAsJsonOptions): Promise<SentAsJson> {
  const { survey, open, mailbox, sendAs, signal } = options;
  const place: DraftPlace = { client, mailbox, sendAs };
  const bare = jsonMessage(survey, options, []);
  const embedded = embeddable(survey.attachments, bare, options.maxRequestBytes);
  const attachments = await embeddedContents(open, embedded);
  if (embedded.length === survey.attachments.length) {
    const message = { ...bare, attachments };
    const body = jsonBody({ message, saveToSentItems: true });
    const path = `${userPath(place)}/sendMail`;
    return sent(await client.request({ method: 'POST', path, mailbox, body, ...before(options), signal }));
  }
  const message = { ...jsonMessage(survey, options, [draftMark]), attachments };
  const draft = await withDrafts(unsentSoFar(Draft.create(place, message, signal)));
  const rest = survey.attachments.filter((attachment) => !embedded.includes(attachment));
  return sendDraft(draft, rest, survey.attachments.length, options);
}

async function sendDraft(
  draft: Draft,
  rest: readonly JsonAttachment[],
  expected: number,
  options: SendAsJsonOptions,
): Promise<SentAsJson> {
  const { open, signal } = options;
  try {
    await withDrafts(unsentSoFar(fill(draft, rest, expected, open, signal)));
    return { id: draft.id, ...sent(await draft.send({ ...before(options), signal })) };
  } catch (caught) {
    const error = draftFailure(caught);
    // The failure of the message is reported, not that of the cleanup.
    if (!mayBeDone(error)) await draft.delete(AbortSignal.timeout(deleteTimeoutMs)).catch(() => {});
    throw error;
  }
}

function before({ beforeSending }: SendAsJsonOptions): Pick<GraphRequest, 'beforeSending'> {
  return beforeSending ? { beforeSending } : {};
}

/** A failure of the draft says nothing about the message. */
function draftFailure(error: unknown): unknown {
  // If the mailbox did not exist, creating the draft would have shown that.
  if (isNotFound(error)) return notSent('The draft of the message is gone', error);
  return isConflict(error) ? notSent('Graph could not save the draft of the message', error) : error;
}

async function fill(
  draft: Draft,
  rest: readonly JsonAttachment[],
  expected: number,
  open: () => Readable,
  signal: AbortSignal,
): Promise<void> {
  const isSure = await uploadAttachments(draft, rest, open, signal);
  if (isSure || (await draft.countAttachments(signal)) === expected) return;
  throw notSent('The answer to an upload was lost, and the draft does not have the attachments it should');
}

function sent({ status, requestId }: Pick<GraphResponse, 'status' | 'requestId'>): SentAsJson {
  return { status, ...(requestId !== undefined && { requestId }) };
}

/** A step that needs the permission to write drafts: its absence says nothing about the permission to send. */
async function withDrafts<Result>(step: Promise<Result>): Promise<Result> {
  try {
    return await step;
  } catch (error) {
    const isDenied = error instanceof GraphError && error.status === 403 && denied.has(error.code.toLowerCase());
    throw isDenied ? new DraftsDeniedError(error) : error;
  }
}

/** Whatever Graph may have done up to here, nothing was sent. */
async function unsentSoFar<Result>(step: Promise<Result>): Promise<Result> {
  try {
    return await step;
  } catch (error) {
    if (error instanceof GraphUnansweredError && error.mayBeDone) throw new GraphUnansweredError(false, error.cause);
    if (error instanceof BridgeError) throw new GraphUnansweredError(false, error);
    if (error instanceof GraphError && error.status === 504) throw notSent('A gateway of Graph gave up waiting', error);
    throw error;
  }
}
