import { randomUUID } from 'node:crypto';
import type { HttpAnswer } from '../http/http-server.ts';
import { type AadstsCode, type AadstsEntry, aadstsCatalogue } from './aadsts-catalogue.ts';

function isAadstsCode(code: string): code is AadstsCode {
  return Object.hasOwn(aadstsCatalogue, code);
}

/** A refusal of Entra ID. */
export class AadstsError extends Error {
  override readonly name = 'EntraError';
  readonly code: string;
  readonly error: string;
  readonly suberror: string | undefined;
  readonly status: number;
  /** What the client must request in its next interactive request, as JSON. */
  readonly claims: string | undefined;

  private constructor(code: string, entry: AadstsEntry, claims?: string) {
    super(entry.text);
    this.code = code;
    this.error = entry.error;
    this.suberror = entry.suberror;
    this.status = entry.status;
    this.claims = claims;
  }

  /** @param fill replacements for `{0}`, `{1}` … */
  static of(code: AadstsCode, ...fill: readonly string[]): AadstsError {
    const entry: AadstsEntry = aadstsCatalogue[code];
    return new AadstsError(code, { ...entry, text: entry.text.replace(/\{(\d)\}/g, (_, n) => fill[Number(n)] ?? '') });
  }

  /** A staged error; whatever the catalogue does not know is filled in. */
  static staged(code: string, status: number | undefined, text: string | undefined): AadstsError {
    const known: AadstsEntry = isAadstsCode(code)
      ? aadstsCatalogue[code]
      : { error: 'invalid_request', status: 400, text: 'A staged error.' };
    return new AadstsError(code, { ...known, status: status ?? known.status, text: text ?? known.text });
  }

  /** The same refusal under another OAuth error, for endpoints that have their own name for it. */
  as(error: string): AadstsError {
    return new AadstsError(this.code, { error, status: this.status, text: this.message }, this.claims);
  }

  /** The same refusal with a claims challenge. */
  withClaims(claims: object): AadstsError {
    const { error, suberror, status, message } = this;
    return new AadstsError(
      this.code,
      { error, status, text: message, ...(suberror ? { suberror } : {}) },
      JSON.stringify(claims),
    );
  }
}

/** An error's description as clients and people see it, with the ids that support asks for. */
export function describeError(error: AadstsError, correlationId: string = randomUUID()) {
  const traceId = randomUUID();
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const text = `AADSTS${error.code}: ${error.message} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`;
  return { text, traceId, correlationId, timestamp };
}

/** An error in the token endpoint's format. */
export function errorAnswer(error: AadstsError, correlationId: string, authority: string): HttpAnswer {
  const { text, traceId, timestamp } = describeError(error, correlationId);
  return {
    status: error.status,
    headers: { 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache', 'x-ms-request-id': traceId },
    body: {
      error: error.error,
      error_description: text,
      error_codes: [Number(error.code)],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `${authority}/error?code=${error.code}`,
      ...(error.suberror ? { suberror: error.suberror } : {}),
      ...(error.claims ? { claims: error.claims } : {}),
    },
  };
}
