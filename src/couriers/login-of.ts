/**
 * Returns the name for an SMTP login to Exchange for a mailbox (Microsoft: "Authenticate an IMAP, POP or SMTP
 * connection using OAuth"). IMAP and POP3 take the mailbox itself with any token.
 * @throws BridgeError if it is unknown
 */
export type LoginOf = (mailbox: string) => Promise<string>;
