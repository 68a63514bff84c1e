/**
 * Whose name is given to Exchange at an SMTP login for a mailbox (Microsoft: "Authenticate an IMAP, POP or SMTP
 * connection using OAuth"). IMAP and POP3 take the mailbox itself with any token.
 * @throws BridgeError where it cannot be told
 */
export type LoginOf = (mailbox: string) => Promise<string>;
