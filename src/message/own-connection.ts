/*
 * Where each mailbox has a sign-in of its own, each is a connection of its own for all that goes over it: its tokens,
 * its trouble, its place in the queue. Its name is that of the configuration with the mailbox behind it. Names in the
 * configuration hold no colon.
 */

/** The connection over which a mailbox is reached by its own sign-in. */
export function ownConnection(connection: string, mailbox: string): string {
  return `${connection}:${mailbox.toLowerCase()}`;
}

/** The connection of the configuration that a name stands for, and whose sign-in is meant; undefined: the one it has. */
export function splitConnection(name: string): { readonly connection: string; readonly owner: string | undefined } {
  const colon = name.indexOf(':');
  return colon < 0
    ? { connection: name, owner: undefined }
    : { connection: name.slice(0, colon), owner: name.slice(colon + 1) };
}
