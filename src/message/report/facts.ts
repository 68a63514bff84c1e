/** What a report says of one recipient (RFC 3464 section 2.3). */
export interface ReportedRecipient {
  readonly address: string;
  /** The original recipient of RCPT TO's ORCPT, `addr-type;address`, xtext decoded. */
  readonly orcpt?: string;
  /** `failed`: permanently. `delayed`: still being tried. `relayed`: handed to a system that reports no success. */
  readonly action: 'failed' | 'delayed' | 'relayed';
  /** An enhanced status code (RFC 3463): `5.7.60`. */
  readonly status: string;
  /** Type and text: `smtp; 550 5.7.60 …` for an SMTP reply, `x-graph; ErrorSendAsDenied …` for others. */
  readonly diagnostic: string;
  /** What the sender or the administrator can do about it. */
  readonly remedy?: string;
}

/** Who handed the message in, for readers who did not. */
export interface HandedIn {
  /** Username of the account. */
  readonly account: string;
  /** The reverse-path; empty for the null one. */
  readonly sender: string;
  /** The client's name and address: `mfp-2nd-floor ([192.0.2.7])`. */
  readonly client?: string;
}

/** What a report is made of. Everything but {@link to} and {@link recipients} may hold anything: it is made safe. */
export interface DeliveryStatusFacts {
  /** Our own host name. */
  readonly reportingMta: string;
  /** Address the report is from; its reverse-path has to be empty all the same (RFC 3464 section 2). */
  readonly from: string;
  /** The reader: the reverse-path of the message reported on, or who is told in its place or besides. */
  readonly to: string;
  /** Told to readers who need not know. */
  readonly handedIn?: HandedIn;
  /** ENVID of MAIL FROM, xtext decoded. */
  readonly envid?: string;
  /** When the message was accepted. */
  readonly arrivalDate: Date;
  /** The message, or its beginning. Its header alone is returned, up to 64 KiB of it, unless {@link returnWhole} says more. */
  readonly originalHeaders: Buffer;
  /**
   * `originalHeaders` is the whole message, and to be returned as such (RET=FULL). Where a line of it is too long for
   * SMTP its header is returned all the same: within message/rfc822 nothing may be encoded.
   */
  readonly returnWhole?: boolean;
  /** At least one. */
  readonly recipients: readonly ReportedRecipient[];
  /** Host name of the upstream that refused. */
  readonly remoteMta?: string;
  /** How long a delayed message will be tried. */
  readonly willRetryUntil?: Date;
  /** For tests; each has a good default. */
  readonly date?: Date;
  readonly messageId?: string;
  readonly boundary?: string;
}
