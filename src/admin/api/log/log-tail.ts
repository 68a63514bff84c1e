/** A log line as shown on a page. */
export interface ToldLogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const levelNames: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

const maxLines = 2_000;
const maxBytes = 2 * 1024 * 1024;

/** Longest line; longer ones are not kept. */
const maxLineBytes = 16 * 1024;

/** The last lines of the log for viewers: as written, and limited in number and size. */
export class LogTail {
  #lines: string[] = [];
  #bytes = 0;
  readonly #told = new Set<(line: ToldLogLine) => void>();

  /** Takes a line of JSON, as the log writes it. */
  add(line: string): void {
    if (line.length > maxLineBytes) return;
    this.#lines.push(line);
    this.#bytes += line.length;
    while (this.#lines.length > maxLines || this.#bytes > maxBytes) this.#bytes -= this.#lines.shift()?.length ?? 0;
    if (this.#told.size === 0) return;
    const read = readLine(line);
    if (read) for (const told of this.#told) told(read);
  }

  /** Passes each new line on, until the returned function is called. */
  subscribe(told: (line: ToldLogLine) => void): () => void {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  }

  /**
   * The last lines, oldest first.
   * @param level this level and more serious ones
   * @param search a part of a line, in any case
   */
  last(
    limit: number,
    { level = 'trace', search }: { readonly level?: string; readonly search?: string } = {},
  ): ToldLogLine[] {
    const least = Number(Object.entries(levelNames).find(([, name]) => name === level)?.[0] ?? 0);
    const wanted = search?.toLowerCase();
    const found: ToldLogLine[] = [];
    for (let at = this.#lines.length - 1; at >= 0 && found.length < limit; at--) {
      const line = this.#lines[at] as string;
      if (wanted !== undefined && !line.toLowerCase().includes(wanted)) continue;
      const read = readLine(line);
      if (read && levelNumber(read.level) >= least) found.push(read);
    }
    return found.reverse();
  }
}

function levelNumber(name: string): number {
  return Number(Object.entries(levelNames).find(([, each]) => each === name)?.[0] ?? 0);
}

function readLine(line: string): ToldLogLine | undefined {
  try {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    return { time: String(time), level: levelNames[Number(level)] ?? String(level), msg: String(msg ?? ''), fields };
  } catch {
    return undefined;
  }
}
