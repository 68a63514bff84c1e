/** Follows a session that is passed through, to know whether its client still waits for an answer. */
export interface Dues {
  /** Called with what the client sends. */
  asked(octets: Buffer): void;
  /** Called with what the upstream sends. */
  said(octets: Buffer): void;
  /** Whether it is certain that no answer is due. */
  areSettled(): boolean;
}

export function duesOf(protocol: 'imap' | 'pop3'): Dues {
  return protocol === 'imap' ? new ImapDues() : new Pop3Dues();
}

/** Number of bytes kept of a line; tags and command names are shorter. */
const maxLineStart = 64;

const lineFeed = 0x0a;

function isOneLine(octets: Buffer): boolean {
  return octets.subarray(0, -1).indexOf(lineFeed) < 0;
}

/** The beginning of the last line received, in any number of pieces. */
class LastLine {
  start = '';
  /** The line is complete. */
  isWhole = true;

  see(octets: Buffer): void {
    const before = octets.length > 1 ? octets.lastIndexOf(lineFeed, octets.length - 2) : -1;
    const goesOn = before < 0 && !this.isWhole;
    const seen = octets.toString('latin1', before + 1, Math.min(octets.length, before + 1 + maxLineStart));
    this.start = ((goesOn ? this.start : '') + seen).slice(0, maxLineStart).replace(/\r?\n$/, '');
    this.isWhole = octets.at(-1) === lineFeed;
  }
}

/**
 * By tags: the last command is answered once the last line carries its tag, or once the server waits for more of the
 * command.
 */
class ImapDues implements Dues {
  readonly #asked = new LastLine();
  readonly #said = new LastLine();
  #tag: string | undefined;
  #nothingAsked = true;
  #saidSince = false;
  #idles = false;

  asked(octets: Buffer): void {
    this.#nothingAsked = false;
    this.#saidSince = false;
    this.#idles = false;
    this.#asked.see(octets);
    if (!this.#asked.isWhole) return;
    // DONE, a literal, and the line after it belong to the previous command; of several lines, one may be a command.
    const goesOn = isOneLine(octets) || this.#said.start.startsWith('+');
    this.#tag = /^([^\s*+]+) /.exec(this.#asked.start)?.[1] ?? (goesOn ? this.#tag : undefined);
  }

  said(octets: Buffer): void {
    this.#saidSince = true;
    this.#said.see(octets);
    // The server waits for DONE (RFC 2177), whatever it reports meanwhile; that cannot include the text of a message.
    if (/^\S+ IDLE$/i.test(this.#asked.start)) this.#idles ||= /(?:^|\n)\+/.test(octets.toString('latin1'));
  }

  areSettled(): boolean {
    if (this.#nothingAsked || this.#idles) return true;
    if (!this.#saidSince || !this.#asked.isWhole || !this.#said.isWhole) return false;
    const last = this.#said.start;
    return /^\+(?: |$)/.test(last) || (this.#tag !== undefined && last.startsWith(`${this.#tag} `));
  }
}

/** Commands whose answer is one line, and those whose answer ends with a line of a dot (RFC 1939, RFC 2449). */
const oneLine = /^(?:STAT|DELE .*|NOOP|RSET|QUIT|LAST|(?:LIST|UIDL) +\d+) *$/i;
const manyLines = /^(?:RETR|TOP|LIST|UIDL|CAPA)\b/i;

/** Without tags, as long as the client waits for each answer. A client that does not is assumed to wait forever. */
class Pop3Dues implements Dues {
  readonly #asked = new LastLine();
  readonly #said = new LastLine();
  #nothingAsked = true;
  /** More than one command was in progress. */
  #lostCount = false;
  /** The beginning of the answer. */
  #answer = '';

  asked(octets: Buffer): void {
    const goesOn = !this.#asked.isWhole && this.#answer === '';
    if (!isOneLine(octets) || !(goesOn || this.areSettled())) this.#lostCount = true;
    this.#nothingAsked = false;
    this.#answer = '';
    this.#asked.see(octets);
  }

  said(octets: Buffer): void {
    if (this.#answer.length < 4) this.#answer += octets.toString('latin1', 0, 4);
    this.#said.see(octets);
  }

  areSettled(): boolean {
    if (this.#nothingAsked) return true;
    if (this.#lostCount || !this.#asked.isWhole || this.#answer === '' || !this.#said.isWhole) return false;
    if (this.#answer.startsWith('-ERR') || oneLine.test(this.#asked.start)) return true;
    return manyLines.test(this.#asked.start) && this.#said.start === '.';
  }
}
