import { type ErrorCode, errorCatalogue } from './error-catalogue.ts';
import type { ErrorKind } from './error-kind.ts';
import { safeLine, safeText } from './visible.ts';

export type { ErrorCode } from './error-catalogue.ts';

/** What a {@link BridgeError} may carry beside its code and message. */
export interface BridgeErrorOptions {
  /** Overrides the catalogue's kind, where the same thing can be one or the other. */
  readonly kind?: ErrorKind;
  /** Overrides the catalogue's remedy, where the place of failure knows a better one. */
  readonly remedy?: string;
  /** What another library or server said. Kept for the log, never shown to a client. */
  readonly cause?: unknown;
  /** Facts for the log and for programs. Never a secret, a token or a part of a message. */
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
}

/**
 * The one error type of the bridge: a stable code for programs, a line for people, and what to do about it.
 * The message must be fit to be shown to anybody: it names no secret, no token, no content.
 */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly remedy: string;
  readonly details: NonNullable<BridgeErrorOptions['details']>;

  constructor(code: ErrorCode, message: string, options: BridgeErrorOptions = {}) {
    // Much of it is what a server said.
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

/** The text of anything thrown, on one line and without a stack. */
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

/** The `code` of a Node.js system error (`ECONNREFUSED`, `ENOENT` …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
