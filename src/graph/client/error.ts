import { BridgeError } from '../../base/errors.ts';
import { parseRetryAfter } from '../../base/http/retry-after.ts';
import { safeLine } from '../../base/visible.ts';

/** Graph's reasons for refusing a request (Microsoft: "Microsoft Graph error responses and resource types"). */
export interface GraphErrorFacts {
  /** HTTP status, 400 or above. */
  readonly status: number;
  /** `error.code` of the body, such as `ErrorSendAsDenied`; `HTTP 503` if the body has none. */
  readonly code: string;
  /** `error.innerError.code`, if it says more. */
  readonly innerCode?: string | undefined;
  /** Graph's id of the request, which Microsoft's support asks for. */
  readonly requestId?: string | undefined;
  /** From `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
}

/** Graph refused a request. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: GraphErrorFacts) {
    super(message);
    this.status = facts.status;
    this.code = facts.code;
    this.innerCode = facts.innerCode;
    this.requestId = facts.requestId;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Graph refused to create or fill a draft, which needs another permission than sending (Mail.ReadWrite). */
export class DraftsDeniedError extends GraphError {
  constructor(refusal: GraphError) {
    super(refusal.message, refusal);
  }
}

/** A request got no answer. */
export class GraphUnansweredError extends Error {
  override readonly name = 'GraphUnansweredError';
  /** Whether the whole request had been handed to the connection, so that Graph may have carried it out. */
  readonly mayBeDone: boolean;

  constructor(mayBeDone: boolean, cause: unknown) {
    super('Microsoft Graph did not answer.', { cause });
    this.mayBeDone = mayBeDone;
  }
}

/** What Graph had begun for a message failed, and the message was not sent: another attempt may succeed. */
export function notSent(what: string, cause?: unknown): GraphUnansweredError {
  return new GraphUnansweredError(false, new BridgeError('upstream-connection-lost', `${what}.`, { cause }));
}

/** No access token, so nothing was requested; the cause says why. */
export class GraphTokenError extends Error {
  override readonly name = 'GraphTokenError';

  constructor(cause: unknown) {
    super('No access token for Microsoft Graph.', { cause });
  }
}

const maxMessageLength = 500;

/**
 * Parses the body of a refusal, whatever it contains.
 * @param nowMs milliseconds since 1970
 */
export function graphErrorOf(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  nowMs: number,
): GraphError {
  const error = errorObject(body);
  const inner = record(error.innerError ?? error.innererror);
  const message = text(error.message) ?? `Microsoft Graph answered with status ${status}.`;
  return new GraphError(message.slice(0, maxMessageLength), {
    status,
    code: text(error.code) ?? `HTTP ${status}`,
    innerCode: text(inner.code),
    requestId: text(headers['request-id']) ?? text(inner['request-id']),
    retryAfterMs: parseRetryAfter(headers['retry-after'], nowMs),
  });
}

/** The parts that are read, all of them optional. */
interface ErrorBody {
  readonly error?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly innerError?: unknown;
  /** Some services spell it like this. */
  readonly innererror?: unknown;
  readonly 'request-id'?: unknown;
}

function errorObject(body: string): ErrorBody {
  try {
    return record(record(JSON.parse(body)).error);
  } catch {
    return {};
  }
}

function record(value: unknown): ErrorBody {
  return typeof value === 'object' && value !== null ? value : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? safeLine(value) || undefined : undefined;
}
