import { type ErrorCode, errorCatalogue } from './error-catalogue.ts';
import type { ErrorKind } from './error-kind.ts';
import { safeLine, safeText } from './visible.ts';

export type { ErrorCode } from './error-catalogue.ts';

/** What a {@link BridgeError} can carry besides its code and message. */
export interface BridgeErrorOptions {
  /** Overrides the catalogue's kind, if the same code can be either. */
  readonly kind?: ErrorKind;
  /** Overrides the catalogue's remedy, if the code that throws knows a better one. */
  readonly remedy?: string;
  /** The error of another library or server. Kept for the log, never shown to a client. */
  readonly cause?: unknown;
  /** Facts for the log and for programs. Never a secret, a token or part of a message. */
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
}

/**
 * The bridge's only error type: a stable code for programs, a line for people, and what to do about it. The message
 * must be fit to show to anybody: it contains no secret, no token, no content.
 */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly remedy: string;
  readonly details: NonNullable<BridgeErrorOptions['details']>;

  constructor(code: ErrorCode, message: string, options: BridgeErrorOptions = {}) {
    // Much of it is a server's text.
    super(safeText(message), options.cause === undefined ? undefined : { cause: options.cause });
    const entry = errorCatalogue[code];
    this.code = code;
    this.kind = options.kind ?? entry.kind;
    this.remedy = options.remedy ?? entry.remedy;
    this.details = safeDetails(options.details ?? {});
  }

  /** One line for a terminal: what happened, what to do, and the code to look up in docs/errors.md. */
  override toString(): string {
    return safeLine(`${this.message} ${this.remedy} (${this.code})`);
  }
}

/** Returns the text of anything thrown, on one line and without a stack. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return safeLine(text);
}

function safeDetails(details: BridgeError['details']): BridgeError['details'] {
  const safe = (value: unknown) => (typeof value === 'string' ? safeText(value) : value);
  const entries = Object.entries(details).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.map(safe) : safe(value),
  ]);
  return Object.fromEntries(entries);
}

/** Returns the `code` of a Node.js system error (`ECONNREFUSED`, `ENOENT` …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
