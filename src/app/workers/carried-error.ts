import { BridgeError, type BridgeErrorOptions, type ErrorCode } from '../../base/errors.ts';
import { MailStoreError, type MailStoreErrorCode } from '../../mailbox/mail-store.ts';

/** An error on its way to another process: only what logs and replies use of it. */
export interface CarriedError {
  readonly message: string;
  readonly bridge?: Pick<BridgeError, 'kind' | 'remedy' | 'details'> & { readonly code: ErrorCode };
  readonly mailStore?: MailStoreErrorCode;
  /** For an unforeseen error. */
  readonly stack?: string;
  readonly cause?: CarriedError;
}

/** The chain of causes is kept as far as the log shows it. */
const maxCauses = 5;

export function carriedError(error: unknown, causes = maxCauses): CarriedError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, cause } = error;
  const common = { message, ...(cause !== undefined && causes > 0 && { cause: carriedError(cause, causes - 1) }) };
  if (error instanceof BridgeError) {
    const { code, kind, remedy, details } = error;
    return { ...common, bridge: { code, kind, remedy, details } };
  }
  if (error instanceof MailStoreError) return { ...common, mailStore: error.code };
  return { ...common, ...(error.stack !== undefined && { stack: error.stack }) };
}

/** The same error on the other side. */
export function errorOf({ message, bridge, mailStore, stack, cause }: CarriedError): Error {
  const caused: Pick<BridgeErrorOptions, 'cause'> = cause === undefined ? {} : { cause: errorOf(cause) };
  if (bridge) return new BridgeError(bridge.code, message, { ...bridge, ...caused });
  if (mailStore !== undefined) return new MailStoreError(mailStore, message, caused);
  const error = new Error(message, caused);
  if (stack !== undefined) error.stack = stack;
  return error;
}
