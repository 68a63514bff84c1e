import { BridgeError, errorText, systemErrorCode } from '../base/errors.ts';
import { parseRetryAfter } from '../base/http/retry-after.ts';
import { type EntraError, entraError, oauthError } from './entra/errors.ts';
import type { EntraErrorBody, RecordedFailure } from './entra/msal-network.ts';
import { scrub } from './entra/scrub.ts';
import { aadstsNumber, entraWords } from './entra/words.ts';

/** What is known about a failed token request. */
export interface FailedTokenRequest {
  /** Name of the connection. */
  readonly connection: string;
  /** What the Microsoft library threw. */
  readonly thrown: unknown;
  /** What the network saw, which is more. */
  readonly failure: RecordedFailure | undefined;
  /** Secrets to remove if the library repeats them. The network has scrubbed what it saw. */
  readonly secrets?: readonly string[] | undefined;
  readonly nowMs: number;
}

type Answer = Extract<RecordedFailure, { kind: 'answer' }>;

const temporaryErrors = new Set(['temporarily_unavailable', 'server_error']);

/**
 * Translates a failed token request: `token-refused` (an administrator has to act), `token-temporarily-unavailable`
 * (Microsoft is busy or down), `token-answer-invalid` (something else answered), or the HTTP client's own error with
 * the connection named.
 *
 * `details`: `connection`, `aadsts` (`AADSTS7000215`), `error` (`invalid_client`), `suberror`, `status`,
 * `correlationId`, `traceId`, `timestamp`, and `retryAfterMs` if Microsoft asked the bridge to wait.
 */
export function tokenError(request: FailedTokenRequest): BridgeError {
  const { connection, thrown, failure } = request;
  const secrets = request.secrets ?? [];
  if (failure?.kind === 'network') return networkError(connection, failure.error, secrets);
  if (failure?.kind === 'answer') return answerError(connection, failure, request.nowMs);
  if (thrown instanceof BridgeError) return thrown;
  return libraryError(connection, thrown, secrets);
}

function networkError(connection: string, error: unknown, secrets: readonly string[]): BridgeError {
  if (!(error instanceof BridgeError)) {
    const message = `Connection "${connection}" could not get a token: ${scrub(errorText(error), secrets)}.`;
    return new BridgeError('token-answer-invalid', message, { details: { connection } });
  }
  return new BridgeError(error.code, `Connection "${connection}" could not get a token. ${error.message}`, {
    kind: error.kind,
    remedy: error.remedy,
    cause: error.cause,
    details: { connection, ...error.details },
  });
}

/** The answer did not come from Entra ID. */
const nothingSaid: EntraErrorBody = { errorCodes: [] };

function answerError(connection: string, answer: Answer, nowMs: number): BridgeError {
  const { status } = answer;
  const body = answer.body ?? nothingSaid;
  const aadsts = aadstsNumber(body.errorDescription, body.errorCodes);
  const known =
    (aadsts === undefined ? undefined : entraError(aadsts, body.errorDescription)) ?? oauthError(body.error);
  const details = {
    connection,
    aadsts: aadsts === undefined ? undefined : `AADSTS${aadsts}`,
    error: body.error,
    suberror: body.suberror,
    status,
    correlationId: body.correlationId,
    traceId: body.traceId ?? answer.requestId,
    timestamp: body.timestamp,
    retryAfterMs: parseRetryAfter(answer.retryAfter, nowMs),
  };
  // Microsoft: codes and texts may change. So status and `error` decide, and the code is only used for advice.
  const busy = status === 429 || (status ?? 0) >= 500 || temporaryErrors.has(body.error ?? '');
  if (busy || known?.kind === 'temporary') {
    const http = status === undefined ? '' : ` (HTTP ${status})`;
    const message = `Microsoft Entra ID has no token for connection "${connection}" just now${http}.`;
    return new BridgeError('token-temporarily-unavailable', `${message}${advice(known, aadsts, body)}`, {
      ...(known?.kind === 'temporary' ? { remedy: known.remedy } : {}),
      details,
    });
  }
  if (aadsts === undefined && body.error === undefined) {
    const what = answer.body ? 'JSON that holds no token' : answer.contentType.slice(0, 60);
    const message = `Connection "${connection}" could not get a token: ${answer.host} answered ${status} with ${what}.`;
    return new BridgeError('token-answer-invalid', message, { details });
  }
  const message = `Microsoft Entra ID refuses connection "${connection}" a token.`;
  return new BridgeError('token-refused', `${message}${advice(known, aadsts, body)}`, {
    ...(known ? { kind: known.kind, remedy: remedyOf(connection, known, body, nowMs) } : {}),
    details,
  });
}

/** The library itself failed: before it sent anything, or because it throttles on Microsoft's behalf. */
function libraryError(connection: string, thrown: unknown, secrets: readonly string[]): BridgeError {
  const { name, errorMessage } = (thrown ?? {}) as { name?: unknown; errorMessage?: unknown };
  const { errorCode } = (thrown ?? {}) as { errorCode?: unknown };
  if (name === 'ServerError') {
    // After a 429 or 5xx, it repeats the answer without asking again, with the AADSTS number in place of `error`.
    const number = /^\d+/.exec(String(errorCode))?.[0];
    const body: EntraErrorBody = {
      errorCodes: number === undefined ? [] : [Number(number)],
      ...(typeof errorMessage === 'string' ? { errorDescription: scrub(errorMessage, secrets) } : {}),
    };
    const aadsts = aadstsNumber(body.errorDescription, body.errorCodes);
    const known = aadsts === undefined ? undefined : entraError(aadsts);
    const message = `Microsoft Entra ID has asked connection "${connection}" to wait before it asks for a token again.`;
    return new BridgeError('token-temporarily-unavailable', `${message}${advice(known, aadsts, body)}`, {
      details: { connection, aadsts: aadsts === undefined ? undefined : `AADSTS${aadsts}` },
    });
  }
  const what = typeof errorCode === 'string' && errorCode ? errorCode : scrub(errorText(thrown), secrets);
  const message = `Connection "${connection}" could not get a token: ${what}.`;
  return new BridgeError('token-answer-invalid', message, {
    details: { connection, systemCode: systemErrorCode(thrown) },
  });
}

function remedyOf(connection: string, known: EntraError, body: EntraErrorBody, nowMs: number): string {
  const remedy = known.remedyFor?.(body.errorDescription ?? '', nowMs) ?? known.remedy;
  return remedy.replaceAll('--name NAME', `--name ${connection}`);
}

/** The meaning, followed by Microsoft's own text. */
function advice(known: EntraError | undefined, aadsts: number | undefined, body: EntraErrorBody): string {
  const said = [aadsts === undefined ? body.error : `AADSTS${aadsts}`, entraWords(body.errorDescription)];
  const words = said.filter((part) => part !== undefined && part !== '').join(': ');
  return `${known ? ` ${known.cause}` : ''}${words ? ` Microsoft says: ${words}` : ''}`;
}
