/** What a report says about one recipient (RFC 3464 section 2.3). */
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

/** Who submitted the message, for readers who did not. */
export interface HandedIn {
  /** Username of the account. */
  readonly account: string;
  /** The reverse-path; empty for the null one. */
  readonly sender: string;
  /** The client's name and address: `mfp-2nd-floor ([192.0.2.7])`. */
  readonly client?: string;
}

/** The input of a report. Everything except {@link to} and {@link recipients} can contain anything: it is made safe. */
export interface DeliveryStatusFacts {
  /** Our own host name. */
  readonly reportingMta: string;
  /** Sender address of the report; its reverse-path must be empty nevertheless (RFC 3464 section 2). */
  readonly from: string;
  /** The reader: the reverse-path of the reported message, or whoever is notified instead or in addition. */
  readonly to: string;
  /** Included for readers who may not know. */
  readonly handedIn?: HandedIn;
  /** ENVID of MAIL FROM, xtext decoded. */
  readonly envid?: string;
  /** When the message was accepted. */
  readonly arrivalDate: Date;
  /**
   * The message, or its beginning. Only its header is returned, up to 64 KiB of it, unless {@link returnWhole} is set.
   */
  readonly originalHeaders: Buffer;
  /**
   * `originalHeaders` is the whole message, to be returned as such (RET=FULL). If one of its lines is too long for
   * SMTP, its header is returned instead: nothing may be encoded within message/rfc822.
   */
  readonly returnWhole?: boolean;
  /** At least one. */
  readonly recipients: readonly ReportedRecipient[];
  /** Host name of the upstream that refused. */
  readonly remoteMta?: string;
  /** How long a delayed message will be retried. */
  readonly willRetryUntil?: Date;
  /** For tests; each has a sensible default. */
  readonly date?: Date;
  readonly messageId?: string;
  readonly boundary?: string;
}
