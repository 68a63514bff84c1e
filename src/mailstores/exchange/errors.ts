import { BridgeError, type ErrorCode } from '../../base/errors.ts';
import { httpFailure } from '../../base/http/failure.ts';
import { refusalError } from '../../exchange/reading/connect-refusal.ts';
import { MailStoreError, type MailStoreErrorCode } from '../../mailbox/mail-store.ts';

/** The mailbox to read, and its server. */
interface Where {
  readonly host: string;
  readonly port: number;
  readonly mailbox: string;
}

interface ImapFlowError {
  readonly authenticationFailed?: boolean;
  readonly responseText?: string;
  readonly code?: string;
  readonly message?: string;
}

/** Translates a failure of the IMAP library before login. */
export function loginError(error: unknown, where: Where): BridgeError {
  const { authenticationFailed, responseText } = error as ImapFlowError;
  if (authenticationFailed || responseText !== undefined) {
    return refusalError({ ...refused(where, responseText), atLogin: authenticationFailed === true });
  }
  return connectionError(error, where);
}

/** Translates a failure of the IMAP library in an open mailbox. The cause is a BridgeError, for the log. */
export function storeError(error: unknown, where: Where): MailStoreError {
  if (error instanceof MailStoreError) return error;
  const cause = commandError(error, where);
  return new MailStoreError(storeCodes[cause.code] ?? 'unavailable', cause.message, { cause });
}

const storeCodes: Partial<Record<ErrorCode, MailStoreErrorCode>> = {
  'mailbox-not-connected': 'not-connected',
  'mailbox-connections-exceeded': 'in-use',
};

function commandError(error: unknown, where: Where): BridgeError {
  const { responseText, code } = error as ImapFlowError;
  if (responseText === undefined && code !== 'ETHROTTLE') return connectionError(error, where);
  const said = refused(where, responseText ?? 'Request is throttled.');
  const refusal = refusalError({ ...said, atLogin: false });
  if (storeCodes[refusal.code] !== undefined) return refusal;
  const { peer, mailbox } = said;
  return new BridgeError('mailbox-store-failed', `Microsoft 365 refused a command: ${said.said.slice(0, 200)}`, {
    cause: error,
    details: { peer, mailbox },
  });
}

function connectionError(error: unknown, { host, port, mailbox }: Where): BridgeError {
  const peer = `${host}:${port}`;
  const known = httpFailure(error, peer);
  if (known instanceof BridgeError) return known;
  const { code = '', message = '' } = error as ImapFlowError;
  const details = { peer, mailbox, systemCode: code };
  if (/TIMEOUT/i.test(code)) {
    return new BridgeError('upstream-timeout', `${peer} did not answer in time.`, { cause: error, details });
  }
  if (/NoConnection|Closed/i.test(code)) {
    return new BridgeError('upstream-connection-lost', `${peer} ended the connection.`, { cause: error, details });
  }
  return new BridgeError('mailbox-store-failed', `Reading ${mailbox} failed: ${message.slice(0, 200)}`, {
    cause: error,
    details,
  });
}

function refused({ host, port, mailbox }: Where, said: string | undefined) {
  return { peer: `${host}:${port}`, mailbox, said: said ?? 'no reason given' };
}
