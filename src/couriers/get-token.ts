/**
 * Where a courier gets its access tokens from.
 * @param options.mailbox whose token; a token of the application itself serves all
 * @param options.refused a token the upstream has just refused; another one is wanted
 * @throws BridgeError of kind `temporary` or `needs-admin`
 */
export type GetToken = (options: { readonly mailbox: string; readonly refused?: string }) => Promise<string>;
