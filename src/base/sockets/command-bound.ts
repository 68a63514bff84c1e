/**
 * Maximum commands of a client before login. The most thorough mail program needs a dozen; a client that sends
 * thousands costs time and replies that nobody reads.
 */
export const maxCommandsBeforeLogin = 100;

/**
 * A client that sends twice as many lines at once does not wait for replies: it is told so before the first of them.
 */
export function maxLinesAtOnce(maxCommands = maxCommandsBeforeLogin): number {
  return 2 * maxCommands;
}

const lineFeed = 0x0a;

/** Tells whether more than `max` lines end in a chunk. */
export function hasMoreLinesThan(max: number, chunk: Buffer): boolean {
  if (max === Number.POSITIVE_INFINITY) return false;
  let lines = 0;
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
    if (++lines > max) return true;
  }
  return false;
}
