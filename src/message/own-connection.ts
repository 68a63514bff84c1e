/*
 * If each mailbox has its own sign-in, each is its own connection in every respect: its tokens, its trouble, its place
 * in the queue. Its name is that in the configuration followed by the mailbox. Names in the configuration contain no
 * colon.
 */

/** Returns the connection over which a mailbox is reached by its own sign-in. */
export function ownConnection(connection: string, mailbox: string): string {
  return `${connection}:${mailbox.toLowerCase()}`;
}

/**
 * Splits a name into the configured connection and the owner of the sign-in; undefined: the connection's own sign-in.
 */
export function splitConnection(name: string): { readonly connection: string; readonly owner: string | undefined } {
  const colon = name.indexOf(':');
  return colon < 0
    ? { connection: name, owner: undefined }
    : { connection: name.slice(0, colon), owner: name.slice(colon + 1) };
}
