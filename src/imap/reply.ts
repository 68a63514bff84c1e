import { MailStoreError, type MailStoreErrorCode } from '../mailbox/mail-store.ts';
import { SaslSyntaxError } from '../sasl/sasl-error.ts';

/** What an {@link ImapReply} may carry beside its status and text. */
export interface ImapReplyOptions extends ErrorOptions {
  /** Response code without brackets: `AUTHENTICATIONFAILED`, `UNAVAILABLE`, `LIMIT` … (RFC 5530). */
  readonly code?: string;
  /** A last challenge, sent before a refusal of XOAUTH2 or OAUTHBEARER; the client answers it with an empty line. */
  readonly challenge?: Buffer;
  /** The connection ends with this reply. */
  readonly bye?: boolean;
}

/** A refusal with the reply the client shall see. */
export class ImapReply extends Error {
  override readonly name = 'ImapReply';
  readonly status: 'NO' | 'BAD';
  readonly code: string | undefined;
  readonly challenge: Buffer | undefined;
  readonly bye: boolean;

  constructor(status: 'NO' | 'BAD', text: string, options: ImapReplyOptions = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = options.code;
    this.challenge = options.challenge;
    this.bye = options.bye ?? false;
  }
}

/** The command breaks the grammar of RFC 9051. */
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

/** From whatever a command threw to what the client is told; undefined for what nobody foresaw. */
export function replyFor(error: unknown): ImapReply | undefined {
  if (error instanceof ImapReply) return error;
  if (error instanceof ImapSyntaxError || error instanceof SaslSyntaxError) return new ImapReply('BAD', error.message);
  if (error instanceof MailStoreError) {
    const code = storeCodes[error.code];
    return new ImapReply('NO', error.message, { cause: error, ...(code !== undefined && { code }) });
  }
  return undefined;
}
