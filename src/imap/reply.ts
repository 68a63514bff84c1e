import { ProtocolRefusal, type ProtocolRefusalOptions } from '../line-protocol/refusal.ts';
import { MailStoreError, type MailStoreErrorCode } from '../mailbox/mail-store.ts';
import { SaslSyntaxError } from '../sasl/sasl-error.ts';

/** A refusal with the reply to send to the client. Its code is one of RFC 5530: `AUTHENTICATIONFAILED`, `LIMIT` … */
export class ImapReply extends ProtocolRefusal {
  override readonly name = 'ImapReply';
  readonly status: 'NO' | 'BAD';

  constructor(status: 'NO' | 'BAD', text: string, options?: ProtocolRefusalOptions) {
    super(text, options);
    this.status = status;
  }
}

/** The command violates the grammar of RFC 9051. */
export class ImapSyntaxError extends Error {
  override readonly name = 'ImapSyntaxError';
}

const storeCodes: Partial<Record<MailStoreErrorCode, string>> = {
  'no-such-folder': 'NONEXISTENT',
  'folder-exists': 'ALREADYEXISTS',
  'no-such-message': 'EXPUNGEISSUED',
  'read-only': 'READ-ONLY',
  'not-permitted': 'NOPERM',
  'too-large': 'TOOBIG',
  'over-quota': 'OVERQUOTA',
  'in-use': 'INUSE',
  unavailable: 'UNAVAILABLE',
};

/** Translates anything a command threw to a reply for the client; undefined for unexpected errors. */
export function replyFor(error: unknown): ImapReply | undefined {
  if (error instanceof ImapReply) return error;
  if (error instanceof ImapSyntaxError || error instanceof SaslSyntaxError) return new ImapReply('BAD', error.message);
  if (error instanceof MailStoreError) {
    const code = storeCodes[error.code];
    return new ImapReply('NO', error.message, { cause: error, ...(code !== undefined && { code }) });
  }
  return undefined;
}
