/** A delivery status notification request for one recipient (RFC 3461 section 4). */
export interface RecipientDsn {
  /** `NEVER`, or any of `SUCCESS`, `FAILURE`, `DELAY`. */
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[];
  /** `addr-type;address`, xtext decoded. */
  readonly orcpt?: string;
}

/** One RCPT TO. */
export interface EnvelopeRecipient {
  readonly address: string;
  readonly dsn?: RecipientDsn;
}

/** Reverse-path and recipients as given in SMTP (RFC 5321 section 2.3.1); never derived from headers. */
export interface Envelope {
  /** The MAIL FROM address; empty for the null reverse-path `<>`. */
  readonly reversePath: string;
  readonly recipients: readonly EnvelopeRecipient[];
  /** BODY=8BITMIME was given (RFC 6152). */
  readonly eightBit: boolean;
  /** SMTPUTF8 was given (RFC 6531). */
  readonly smtpUtf8: boolean;
  /** RET and ENVID of MAIL FROM (RFC 3461 sections 4.3 and 4.4). */
  readonly dsn?: { readonly ret?: 'FULL' | 'HDRS'; readonly envid?: string };
  /**
   * The client that sent it: its address, and the port it connected to. Absent if there was none, or it is not known.
   */
  readonly client?: { readonly address: string; readonly port: number };
}
