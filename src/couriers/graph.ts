import { pipeline, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { BridgeError, errorText } from '../base/errors.ts';
import { Base64Encoder, base64Length } from '../graph/base64-stream.ts';
import type { GraphClient, GraphRequestBody } from '../graph/client.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from '../graph/graph-error.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import { rewriteHeader } from '../message/header-stream.ts';
import { HeaderBlock, HeaderTooLargeError } from '../message/headers.ts';
import { graphRefusal } from './graph-errors.ts';
import { planHeader, readHeader } from './graph-header.ts';
import { networkFailure } from './network-errors.ts';
import { ownVerdict, reportForAll, tokenFailure, type Verdict } from './verdict.ts';

/** Settings of the courier to Microsoft Graph. */
export interface GraphCourierOptions {
  readonly client: GraphClient;
  /** `mailbox`: `/users/{mailbox}/sendMail`; `me`: `/me/sendMail`, for a delegated token of that mailbox. */
  readonly sendAs: 'mailbox' | 'me';
  /** Largest message as MIME, before base64, the added Bcc field included. */
  readonly maxMimeBytes: number;
}

/**
 * Hands messages to Microsoft Graph by `sendMail` in MIME (Microsoft: "user: sendMail"). Graph takes all recipients of
 * a message or none, and refuses single ones later, by a report to the mailbox.
 */
export class GraphCourier {
  readonly #options: GraphCourierOptions;

  constructor(options: GraphCourierOptions) {
    this.#options = options;
  }

  /** One delivery attempt. All recipients fare alike. */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const prepared = await this.#prepare(message);
    return reportForAll(message, 'outcome' in prepared ? prepared : await this.#send(message, prepared, signal));
  }

  /** Nothing to do: the HTTP client belongs to whoever made it. */
  async close(): Promise<void> {}

  /** The body of the request, or why there will be none. */
  async #prepare(message: OutgoingMessage): Promise<GraphRequestBody | Verdict> {
    const { maxMimeBytes } = this.#options;
    if (message.size > maxMimeBytes) return tooLarge(message.size, maxMimeBytes);
    let header: HeaderBlock;
    let whole: Buffer | undefined;
    try {
      if (message.size <= smallMessageBytes) whole = await readWhole(message);
      header = whole ? HeaderBlock.parse(whole) : await readHeader(message);
    } catch (error) {
      if (error instanceof HeaderTooLargeError) return ownVerdict('header-too-large-for-graph', error.message);
      return ownVerdict('message-unreadable', errorText(error));
    }
    const { outside, replacement = header.raw } = planHeader(header, message.envelope);
    if (outside.length > 0) return unwantedCopies(outside);
    const size = message.size - header.byteLength + replacement.length;
    if (size > maxMimeBytes) return tooLarge(size, maxMimeBytes);
    if (whole) return wholeBody(Buffer.concat([replacement, whole.subarray(header.byteLength)]));
    return mimeBody(size, () => rewriteHeader(message.open(), () => replacement));
  }

  async #send(message: OutgoingMessage, body: GraphRequestBody, signal: AbortSignal): Promise<Verdict> {
    const { client, sendAs } = this.#options;
    const sender = sendAs === 'me' ? 'me' : `users/${encodeURIComponent(message.mailbox)}`;
    try {
      const answer = await client.request({
        method: 'POST',
        path: `/v1.0/${sender}/sendMail`,
        mailbox: message.mailbox,
        body,
        signal,
      });
      const upstreamId = answer.requestId === undefined ? {} : { upstreamId: answer.requestId };
      if (answer.status === 202) return { outcome: 'delivered', code: '202', text: '202 Accepted', ...upstreamId };
      const text = `Graph answered ${answer.status} where 202 means that the message is sent.`;
      return { ...ownVerdict('graph-unexpected-status', text), ...upstreamId };
    } catch (error) {
      return failureOf(error, signal);
    }
  }
}

/** Up to that size a message is held whole: most mail is small, and streams cost more than its octets. */
const smallMessageBytes = 64 * 1024;

async function readWhole(message: OutgoingMessage): Promise<Buffer> {
  const whole = await buffer(message.open());
  if (whole.length === message.size) return whole;
  throw new Error(`The message has ${whole.length} octets where ${message.size} were expected.`);
}

function wholeBody(content: Buffer): GraphRequestBody {
  const encoded = Buffer.from(content.toString('base64'), 'latin1');
  return { contentType: 'text/plain', octets: encoded.length, open: () => Readable.from([encoded]) };
}

/** @param octets of what `open` yields, exactly */
function mimeBody(octets: number, open: () => Readable): GraphRequestBody {
  return {
    contentType: 'text/plain',
    octets: base64Length(octets),
    open() {
      const encoder = new Base64Encoder(octets);
      // The error reaches whoever reads the encoder; the callback is there only because pipeline asks for one.
      return pipeline(open(), encoder, () => undefined);
    },
  };
}

function tooLarge(size: number, maxMimeBytes: number): Verdict {
  return ownVerdict(
    'message-too-large-for-graph',
    `The message has ${size} octets; Graph takes up to ${maxMimeBytes}.`,
  );
}

function unwantedCopies(outside: readonly string[]): Verdict {
  const some = outside.slice(0, 3).join(', ');
  const more = outside.length > 3 ? ` and ${outside.length - 3} more` : '';
  return ownVerdict('envelope-narrower-than-headers', `To or Cc name ${some}${more}, whom the envelope does not.`);
}

function failureOf(error: unknown, signal: AbortSignal): Verdict {
  if (error instanceof GraphError) return graphRefusal(error);
  if (error instanceof GraphTokenError) return tokenFailure(error.cause);
  if (error instanceof GraphUnansweredError) {
    const why = errorText(error.cause);
    if (error.mayBeDone) {
      return ownVerdict('upstream-ambiguous', `No answer to the whole message; it may have been delivered: ${why}`);
    }
    if (error.cause instanceof BridgeError) return networkFailure(error.cause);
    if (!signal.aborted) return ownVerdict('message-unreadable', why);
  }
  if (signal.aborted) return ownVerdict('delivery-aborted', 'The attempt was given up.');
  throw error;
}
