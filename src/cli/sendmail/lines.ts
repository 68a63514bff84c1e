/**
 * The message on standard input in wire format: every line ends with CRLF, whatever it ended with; other CRs are
 * dropped, because a receiver might take one for a line end and a header field for two. Without `ignoreDots` a line
 * with a single dot is the end.
 */
export async function* messageLines(
  source: AsyncIterable<Buffer | string>,
  ignoreDots: boolean,
): AsyncGenerator<Buffer> {
  const lines = new LineReader(ignoreDots);
  for await (const chunk of source) {
    const text = lines.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (text !== '') yield Buffer.from(text, 'latin1');
    if (lines.ended) return;
  }
  const text = lines.end();
  if (text !== '') yield Buffer.from(text, 'latin1');
}

/** Strings contain octets as Latin-1, one character each. */
class LineReader {
  readonly #ignoreDots: boolean;
  /**
   * The end of the input so far, which cannot be interpreted before more arrives: a dot at the start of a line, or CRs.
   */
  #held = '';
  #atLineStart = true;
  ended = false;

  constructor(ignoreDots: boolean) {
    this.#ignoreDots = ignoreDots;
  }

  push(chunk: Buffer): string {
    const text = this.#held + chunk.toString('latin1').replaceAll('\r', '');
    const isDot = text.endsWith('.') && (text.length === 1 ? this.#atLineStart : text.at(-2) === '\n');
    this.#held = isDot ? '.' : '';
    return this.#lines(isDot ? text.slice(0, -1) : text);
  }

  /** Nothing follows. */
  end(): string {
    const dotAlone = this.#held === '.' && !this.#ignoreDots;
    const text = dotAlone ? '' : this.#held;
    const isWhole = text === '' && this.#atLineStart;
    return isWhole ? '' : `${text}\r\n`;
  }

  #lines(text: string): string {
    const end = this.#ignoreDots ? -1 : this.#endOf(text);
    const lines = end < 0 ? text : text.slice(0, end);
    this.ended = end >= 0;
    if (lines !== '') this.#atLineStart = lines.endsWith('\n');
    return lines.replaceAll('\n', '\r\n');
  }

  /** Where the line with the single dot begins; -1 if there is none. */
  #endOf(text: string): number {
    if (this.#atLineStart && text.startsWith('.\n')) return 0;
    const found = text.indexOf('\n.\n');
    return found < 0 ? -1 : found + 1;
  }
}
