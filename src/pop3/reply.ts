import { ProtocolRefusal } from '../line-protocol/refusal.ts';
import { MailStoreError, type MailStoreErrorCode } from '../mailbox/mail-store.ts';
import { SaslSyntaxError } from '../sasl/sasl-error.ts';

/** Response codes (RFC 2449, RFC 3206). */
export type Pop3Code = 'AUTH' | 'SYS/TEMP' | 'SYS/PERM' | 'IN-USE' | 'LOGIN-DELAY';

/** A refusal (`-ERR`) with the text to send to the client. */
export class Pop3Reply extends ProtocolRefusal<Pop3Code> {
  override readonly name = 'Pop3Reply';
}

const storeCodes: Partial<Record<MailStoreErrorCode, Pop3Code>> = {
  'no-such-folder': 'SYS/PERM',
  'not-permitted': 'SYS/PERM',
  'not-connected': 'SYS/PERM',
  'read-only': 'SYS/PERM',
  'in-use': 'IN-USE',
  unavailable: 'SYS/TEMP',
};

/** Translates anything a command threw to a reply for the client; undefined for unexpected errors. */
export function replyFor(error: unknown): Pop3Reply | undefined {
  if (error instanceof Pop3Reply) return error;
  if (error instanceof SaslSyntaxError) return new Pop3Reply(error.message);
  if (error instanceof MailStoreError) {
    const code = storeCodes[error.code];
    return new Pop3Reply(error.message, { cause: error, ...(code !== undefined && { code }) });
  }
  return undefined;
}
