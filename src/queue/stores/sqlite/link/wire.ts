import { BridgeError, type BridgeErrorOptions, type ErrorCode } from '../../../../base/errors.ts';
import type { EngineEvent } from '../engine/engine.ts';
import type { EngineOptions } from '../engine/open.ts';
import type { EngineOperation } from './link.ts';

/** What the engine's thread is started with. */
export interface ThreadStart {
  readonly folder: string;
  readonly options: EngineOptions;
}

/** A call to the engine: its number, the operation and the arguments. */
export type WiredCall = readonly [number: number, operation: EngineOperation, args: readonly unknown[]];

/** To the engine's thread: the calls of one turn of the event loop, or the request to end. */
export type ToEngine = readonly WiredCall[] | 'close';

/** An answer: the number of its call, and the result. */
export type WiredAnswer = readonly [number: number, answer: unknown] | readonly [number: number, undefined, WiredError];

/** From the engine's thread. */
export type FromEngine =
  | { readonly kind: 'opened' }
  | { readonly kind: 'not-opened'; readonly error: WiredError }
  | { readonly kind: 'answers'; readonly answers: readonly WiredAnswer[] }
  | { readonly kind: 'event'; readonly event: EngineEvent };

/** An error on its way to another thread: its content, without its stack. */
export interface WiredError {
  readonly name: string;
  readonly message: string;
  /** Of a {@link BridgeError}. */
  readonly bridge?: { readonly code: ErrorCode } & Pick<BridgeErrorOptions, 'kind' | 'remedy' | 'details'>;
  /** Of the system or of SQLite. */
  readonly facts?: Readonly<Record<string, string | number>>;
  readonly cause?: WiredError;
}

const factNames = ['code', 'errno', 'syscall', 'path', 'dest', 'errcode', 'errstr'] as const;

export function wiredError(error: unknown): WiredError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, cause } = error;
  const causes = cause === undefined ? {} : { cause: wiredError(cause) };
  if (error instanceof BridgeError) {
    const { code, kind, remedy, details } = error;
    return { name, message, bridge: { code, kind, remedy, details }, ...causes };
  }
  const facts: Record<string, string | number> = {};
  for (const fact of factNames) {
    const value = (error as unknown as Record<string, unknown>)[fact];
    if (typeof value === 'string' || typeof value === 'number') facts[fact] = value;
  }
  return { name, message, facts, ...causes };
}

export function errorOfWire({ name, message, bridge, facts, cause }: WiredError): Error {
  const options = cause === undefined ? {} : { cause: errorOfWire(cause) };
  if (bridge) {
    const { code, ...rest } = bridge;
    return withoutPlace(new BridgeError(code, message, { ...rest, ...options }));
  }
  return withoutPlace(Object.assign(new Error(message, options), { name, ...facts }));
}

/** The stack of the copy says nothing. */
function withoutPlace(error: Error): Error {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
