import { BridgeError, errorText, systemErrorCode } from '../../base/errors.ts';
import { GraphError, GraphTokenError, GraphUnansweredError } from '../../graph/client/error.ts';
import { MailStoreError, type MailStoreErrorCode } from '../../mailbox/mail-store.ts';

/** Translates a failure of Graph for the reader of a mailbox. The cause is a BridgeError, for the log. */
export function storeError(error: unknown, mailbox: string): MailStoreError {
  if (error instanceof MailStoreError) return error;
  const cause = bridgeError(error, mailbox);
  const code = error instanceof GraphError ? codeOf(error) : 'unavailable';
  return new MailStoreError(code, cause.message, { cause });
}

/** Translates a failure of Graph for the log and `mailbridge check`. */
export function bridgeError(error: unknown, mailbox: string): BridgeError {
  if (error instanceof BridgeError) return error;
  if (isDiskFailure(error)) return diskFailure(error, mailbox);
  if (error instanceof GraphTokenError || error instanceof GraphUnansweredError) {
    if (error.cause instanceof BridgeError) return error.cause;
    return new BridgeError('upstream-connection-lost', 'Microsoft Graph did not answer.', { cause: error });
  }
  if (!(error instanceof GraphError)) {
    return new BridgeError('mailbox-store-failed', `Reading ${mailbox} failed: ${errorText(error).slice(0, 200)}`, {
      cause: error,
    });
  }
  const { status, code, requestId } = error;
  const details = { mailbox, status, graphCode: code, ...(requestId !== undefined && { requestId }) };
  const said = error.message.slice(0, 200);
  if (status === 401 || status === 403) {
    return new BridgeError('graph-mailbox-refused', `Microsoft Graph does not let us use ${mailbox}: ${said}`, {
      cause: error,
      details,
    });
  }
  if (unknownMailbox.has(code.toLowerCase())) {
    return new BridgeError('graph-mailbox-unknown', `Microsoft Graph does not know ${mailbox}: ${said}`, {
      cause: error,
      details,
    });
  }
  if (status === 429 || status >= 500) {
    const waitMs = error.retryAfterMs ?? 0;
    const wait = waitMs > 0 ? ` It asks to wait ${Math.ceil(waitMs / 1000)} seconds.` : '';
    return new BridgeError('graph-unavailable', `Microsoft Graph is busy with ${mailbox}: ${said}${wait}`, {
      cause: error,
      details,
    });
  }
  return new BridgeError('mailbox-store-failed', `Microsoft Graph refused a request about ${mailbox}: ${said}`, {
    cause: error,
    details,
  });
}

const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENOENT', 'EMFILE', 'ENFILE']);

/** Tells whether the local disk, or the index on it, failed. */
export function isDiskFailure(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code !== undefined && (code === 'ERR_SQLITE_ERROR' || diskCodes.has(code));
}

function diskFailure(error: unknown, mailbox: string): BridgeError {
  const text = `What mailbridge keeps of ${mailbox} in its data folder cannot be read or written: ${errorText(error)}.`;
  return new BridgeError('mailbox-index-unusable', text, { cause: error });
}

const unknownMailbox = new Set(['errorinvaliduser', 'mailboxnotenabledforrestapi', 'request_resourcenotfound']);

function codeOf({ status, code }: GraphError): MailStoreErrorCode {
  if (status === 404) return code.toLowerCase() === 'erroritemnotfound' ? 'no-such-message' : 'unavailable';
  if (/quota/i.test(code) || status === 507) return 'over-quota';
  if (status === 413 || /sizeexceeded|toolarge/i.test(code)) return 'too-large';
  if (status === 401 || status === 403) return 'not-permitted';
  return 'unavailable';
}

/** Graph reports that the item does not exist. */
export function isGone(error: unknown): boolean {
  return error instanceof GraphError && error.status === 404;
}

/** The link for requesting changes has expired (410) or is refused permanently. */
export function isStaleLink(error: unknown): boolean {
  if (!(error instanceof GraphError)) return false;
  return error.status === 410 || /syncstate|resyncrequired|quotaexceeded/i.test(error.code);
}

/**
 * The cloud does not support permanentDelete: there, a message goes to Deleted Items, or is deleted permanently from
 * there.
 */
export function isUnknownAction(error: unknown): boolean {
  if (!(error instanceof GraphError)) return false;
  const { status, code, message } = error;
  return status === 405 || (status === 400 && /segment/i.test(message)) || (status === 404 && !/item/i.test(code));
}
