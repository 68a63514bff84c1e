/** Yields the header, the blank line, and `lines` lines of the body; reads no more of the source than that. */
export async function* top(content: AsyncIterable<Buffer>, lines: number): AsyncGenerator<Buffer> {
  let inBody = false;
  let lineIsEmpty = true;
  let left = lines;
  for await (const chunk of content) {
    let end = 0;
    while (end < chunk.length && !(inBody && left === 0)) {
      const lineFeed = chunk.indexOf(0x0a, end);
      const next = lineFeed < 0 ? chunk.length : lineFeed + 1;
      lineIsEmpty &&= isLineEnd(chunk, end, next);
      if (lineFeed >= 0) {
        if (inBody) left--;
        inBody ||= lineIsEmpty;
        lineIsEmpty = true;
      }
      end = next;
    }
    yield chunk.subarray(0, end);
    if (inBody && left === 0) return;
  }
}

function isLineEnd(chunk: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (chunk[at] !== 0x0d && chunk[at] !== 0x0a) return false;
  return true;
}
