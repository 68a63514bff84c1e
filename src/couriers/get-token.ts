/**
 * Returns an access token for a courier.
 * @param options.mailbox whose token; a token of the application itself serves all mailboxes
 * @param options.refused a token that the upstream has just refused, so that another one is needed
 * @throws BridgeError of kind `temporary` or `needs-admin`
 */
export type GetToken = (options: { readonly mailbox: string; readonly refused?: string }) => Promise<string>;
