import { pipeline, type Readable } from 'node:stream';
import { BridgeError, errorText } from '../../base/errors.ts';
import { Base64Encoder, base64Length } from '../../graph/client/base64-stream.ts';
import type { GraphClient, GraphRequestBody, GraphResponse } from '../../graph/client/client.ts';
import { DraftsDeniedError, GraphError, GraphTokenError, GraphUnansweredError } from '../../graph/client/error.ts';
import { type FaithfulForm, type MessageSurvey, surveyMessage } from '../../graph/json/form.ts';
import { type SentAsJson, sendAsJson } from '../../graph/json/send.ts';
import type { DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import { HeaderBlock, HeaderTooLargeError } from '../../message/header/fields.ts';
import { replaceStart } from '../../message/header/stream.ts';
import { MessageChangedError } from '../../message/mime/reader.ts';
import { type Batch, planBatches } from '../batches.ts';
import type { SmtpFallback } from '../exchange-smtp/fallback.ts';
import { Ledger } from '../ledger.ts';
import { readHeader } from '../message-header.ts';
import { networkFailure } from '../network-errors.ts';
import type { DeliveryPolicy } from '../policy.ts';
import { type Marker, markerField } from '../sent-items/marker.ts';
import { type CourierVerdict, nothingSent, ownVerdict, reportForAll, tokenFailure } from '../verdict.ts';
import { batchLimits } from './batch-limits.ts';
import { graphRefusal } from './errors.ts';
import { type HeaderPlan, planHeader } from './header.ts';

/** Settings of the courier to Microsoft Graph. */
export interface GraphCourierOptions {
  readonly client: GraphClient;
  /** `mailbox`: `/users/{mailbox}/sendMail`; `me`: `/me/sendMail`, for a delegated token of that mailbox. */
  readonly sendAs: 'mailbox' | 'me';
  /** Largest MIME message, before base64, including the added fields. */
  readonly maxMimeBytes: number;
  readonly envelope: DeliveryPolicy['envelope'];
  readonly marker: Marker;
  /** For messages that Graph would change. */
  readonly smtp: Pick<SmtpFallback, 'isOpen' | 'deliver'>;
}

/** A message with its header, and its content if it is small. */
interface ReadMessage {
  readonly message: OutgoingMessage;
  readonly header: HeaderBlock;
  readonly whole: Buffer | undefined;
}

/** One request: its recipients, and the header that gets it to exactly them. */
interface PlannedRequest {
  readonly batch: Batch;
  readonly plan: HeaderPlan;
  /** The message in MIME for this request. */
  readonly mime: { readonly size: number; body(): GraphRequestBody };
}

/**
 * Sends messages to Microsoft Graph through `sendMail` in MIME (Microsoft: "user: sendMail"). Graph takes all
 * recipients of a request or none, and refuses single ones later, in a report to the mailbox.
 */
export class GraphCourier {
  readonly #options: GraphCourierOptions;

  constructor(options: GraphCourierOptions) {
    this.#options = options;
  }

  /** Makes one delivery attempt, in as many requests as the recipients need. What was delivered stays delivered. */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const { smtp, maxMimeBytes } = this.#options;
    const read = await readMessage(message);
    if ('outcome' in read) {
      const isTooLarge = read.code === 'header-too-large-for-graph';
      if (isTooLarge && (await smtp.isOpen(message.mailbox, signal))) return smtp.deliver(message, signal);
      return reportForAll(message, read);
    }
    const batches = planBatches(message.envelope.recipients, batchLimits);
    const requests = batches.map((batch) => this.#planRequest(read, batch));
    const outside = requests.flatMap(({ plan }) => plan.outside);
    if (outside.length > 0) {
      if (this.#options.envelope === 'refuse') return reportForAll(message, unwantedCopies(outside));
      if (await this.#goesBySmtp(message.mailbox, signal)) return smtp.deliver(message, signal);
    }
    if (requests.some(({ mime }) => mime.size > maxMimeBytes)) return this.#deliverLarge(message, requests, signal);
    return this.#sendEach(message, requests, ({ mime }) => this.#sendMime(message, mime.body(), signal));
  }

  /** Whether a message whose header names other recipients than its envelope is sent over SMTP. */
  async #goesBySmtp(mailbox: string, signal: AbortSignal): Promise<boolean> {
    const { envelope, smtp } = this.#options;
    return envelope === 'smtp' || (envelope === 'auto' && (await smtp.isOpen(mailbox, signal)));
  }

  /** A message above the request size is uploaded in parts, as JSON, which not every message survives. */
  async #deliverLarge(
    message: OutgoingMessage,
    requests: readonly PlannedRequest[],
    signal: AbortSignal,
  ): Promise<DeliveryReport> {
    const { smtp } = this.#options;
    const survey = await surveyed(message);
    if ('outcome' in survey) return reportForAll(message, survey);
    let obstacle = survey.jsonForm === 'lossy' ? survey.reason : undefined;
    if (survey.jsonForm === 'faithful') {
      let draftsDenied = false;
      const report = await this.#sendEach(message, requests, async (request) => {
        try {
          return successOf(await this.#sendJson(message, survey, request, signal));
        } catch (error) {
          draftsDenied ||= error instanceof DraftsDeniedError;
          return failureOf(error, signal);
        }
      });
      if (!draftsDenied || report.recipients.some(({ outcome }) => outcome === 'delivered')) return report;
      obstacle = 'the connection may not make drafts (Mail.ReadWrite)';
    }
    if (await smtp.isOpen(message.mailbox, signal)) return smtp.deliver(message, signal);
    const text = `The message has ${message.size} octets; Graph accepts at most ${this.#options.maxMimeBytes} in one request, and it cannot go up in parts because ${obstacle}.`;
    return reportForAll(message, ownVerdict('message-not-sendable-by-graph', text));
  }

  async #sendEach(
    message: OutgoingMessage,
    requests: readonly PlannedRequest[],
    send: (request: PlannedRequest) => Promise<CourierVerdict>,
  ): Promise<DeliveryReport> {
    const ledger = new Ledger();
    for (const request of requests) {
      const verdict = await send(request);
      ledger.record(request.batch, verdict);
      // A permanent refusal concerns this request; anything else would stop the next one as well.
      if (verdict.outcome !== 'delivered' && verdict.outcome !== 'permanent') break;
    }
    return ledger.report(message);
  }

  #planRequest({ message, header, whole }: ReadMessage, batch: Batch): PlannedRequest {
    const plan = planHeader(header, batch);
    const replacement = plan.header(this.#options.marker.line(message.id, batch));
    const size = message.size - header.byteLength + replacement.length;
    const body = (): GraphRequestBody =>
      whole
        ? wholeBody(Buffer.concat([replacement, whole.subarray(header.byteLength)]))
        : mimeBody(size, () => replaceStart(message.open(), header.byteLength, replacement));
    return { batch, plan, mime: { size, body } };
  }

  async #sendMime(message: OutgoingMessage, body: GraphRequestBody, signal: AbortSignal): Promise<CourierVerdict> {
    const { client, sendAs } = this.#options;
    const { mailbox } = message;
    const sender = sendAs === 'me' ? 'me' : `users/${encodeURIComponent(mailbox)}`;
    try {
      const answer = await client.request({
        method: 'POST',
        path: `/v1.0/${sender}/sendMail`,
        mailbox,
        body,
        beforeSending: () => message.assertMaySend?.(),
        signal,
      });
      return successOf(answer);
    } catch (error) {
      return failureOf(error, signal);
    }
  }

  #sendJson(
    message: OutgoingMessage,
    survey: FaithfulForm,
    { batch, plan }: PlannedRequest,
    signal: AbortSignal,
  ): Promise<SentAsJson> {
    const { client, sendAs, marker } = this.#options;
    return sendAsJson(client, {
      mailbox: message.mailbox,
      sendAs,
      survey,
      open: () => message.open(),
      beforeSending: () => message.assertMaySend?.(),
      recipients: plan.recipients,
      marker: { field: markerField, value: marker.sealed(message.id, batch) },
      signal,
    });
  }
}

/** Messages up to this size are kept in memory: most mail is small, and streams cost more than its octets. */
const smallMessageBytes = 64 * 1024;

async function readMessage(message: OutgoingMessage): Promise<ReadMessage | CourierVerdict> {
  try {
    const whole = message.size <= smallMessageBytes ? await readWhole(message) : undefined;
    return { message, whole, header: whole ? HeaderBlock.parse(whole) : await readHeader(message) };
  } catch (error) {
    if (error instanceof HeaderTooLargeError) return ownVerdict('header-too-large-for-graph', error.message);
    return ownVerdict('message-unreadable', errorText(error));
  }
}

async function readWhole(message: OutgoingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message.open()) chunks.push(chunk);
  const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  if (whole.length === message.size) return whole;
  throw new Error(`The message has ${whole.length} octets where ${message.size} were expected.`);
}

function wholeBody(content: Buffer): GraphRequestBody {
  const encoded = Buffer.from(content.toString('base64'), 'latin1');
  return { contentType: 'text/plain', octets: encoded.length, open: () => encoded };
}

/** @param octets of what `open` yields, exactly */
function mimeBody(octets: number, open: () => Readable): GraphRequestBody {
  return {
    contentType: 'text/plain',
    octets: base64Length(octets),
    open() {
      const encoder = new Base64Encoder(octets);
      // The reader of the encoder gets the error; the callback is only here because pipeline requires one.
      return pipeline(open(), encoder, () => undefined);
    },
  };
}

async function surveyed(message: OutgoingMessage): Promise<MessageSurvey | CourierVerdict> {
  try {
    return await surveyMessage(() => message.open(), message.size);
  } catch (error) {
    return ownVerdict('message-unreadable', errorText(error));
  }
}

function unwantedCopies(outside: readonly string[]): CourierVerdict {
  const some = outside.slice(0, 3).join(', ');
  const more = outside.length > 3 ? ` and ${outside.length - 3} more` : '';
  return ownVerdict('envelope-narrower-than-headers', `To or Cc name ${some}${more}, whom the envelope does not.`);
}

/** Only 202 means that the message is sent. */
function successOf({ status, requestId }: Partial<GraphResponse>): CourierVerdict {
  const upstreamId = requestId === undefined ? {} : { upstreamId: requestId };
  if (status === 202) return { outcome: 'delivered', code: '202', text: '202 Accepted', ...upstreamId };
  const text = `Graph answered ${status} where 202 means that the message is sent.`;
  return { ...ownVerdict('graph-unexpected-status', text), ...upstreamId };
}

function failureOf(error: unknown, signal: AbortSignal): CourierVerdict {
  const unsent = nothingSent(error instanceof GraphUnansweredError && !error.mayBeDone ? error.cause : error);
  if (unsent) return unsent;
  if (error instanceof GraphError) return graphRefusal(error);
  if (error instanceof MessageChangedError) return ownVerdict('message-unreadable', error.message);
  if (error instanceof GraphTokenError) return tokenFailure(error.cause, 'graph-token');
  if (error instanceof GraphUnansweredError) {
    const why = errorText(error.cause);
    if (error.mayBeDone) {
      return ownVerdict('upstream-ambiguous', `No answer to the whole message; it may have been delivered: ${why}`);
    }
    if (error.cause instanceof BridgeError) return networkFailure(error.cause, 'graph');
    if (!signal.aborted) return ownVerdict('message-unreadable', why);
  }
  if (signal.aborted) return ownVerdict('delivery-aborted', 'The attempt was given up.');
  throw error;
}
