const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const dot = 0x2e;
const lineEnd = Buffer.from('\r\n');
const oneDot = Buffer.from('.');

/**
 * Encodes a message as RETR and TOP send it (RFC 1939 section 3): lines that begin with a dot get another one, every
 * line ends with CRLF, and a line with a single dot ends the message. A bare LF becomes CRLF: a client that takes it
 * for a line end must not find an unstuffed dot after it.
 */
export async function* dotStuffed(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let previous = lineFeed;
  for await (const chunk of content) {
    if (chunk.length === 0) continue;
    const pieces: Buffer[] = [];
    let start = 0;
    if (chunk[0] === dot && previous === lineFeed) pieces.push(oneDot);
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
      if ((at === 0 ? previous : chunk[at - 1]) !== carriageReturn) {
        pieces.push(chunk.subarray(start, at), lineEnd);
        start = at + 1;
      }
      if (chunk[at + 1] === dot) {
        pieces.push(chunk.subarray(start, at + 1), oneDot);
        start = at + 1;
      }
    }
    pieces.push(chunk.subarray(start));
    previous = chunk[chunk.length - 1] as number;
    yield Buffer.concat(pieces);
  }
  yield Buffer.from(previous === lineFeed ? '.\r\n' : previous === carriageReturn ? '\n.\r\n' : '\r\n.\r\n');
}
