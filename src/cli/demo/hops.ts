import { Writable } from 'node:stream';
import { errorText } from '../../base/errors.ts';
import { type Log, openLog } from '../../base/log.ts';
import type { CliIo } from '../terminal/io.ts';
import { withProgress } from '../terminal/progress.ts';
import { type Mark, Screen } from '../terminal/screen.ts';
import { type LogLine, visitorLine } from './visitor.ts';

/** Shows the hops of the demo as they happen, each with a tick or a cross and its time. */
export class DemoHops {
  readonly #io: CliIo;
  readonly #screen: Screen;
  readonly #waiting: { readonly matches: (line: LogLine) => boolean; readonly resolve: (line: LogLine) => void }[] = [];
  readonly #lines: LogLine[] = [];
  #isVisited = false;

  constructor(io: CliIo) {
    this.#io = io;
    this.#screen = new Screen(io.stdout, io.env);
  }

  /** Runs a step and shows the result. A failure is shown and rethrown. */
  async step<T>(name: string, run: () => Promise<T>, describe?: (result: T) => string): Promise<T> {
    const startedAt = performance.now();
    try {
      const result = await withProgress(this.#io, name, run);
      const detail = describe ? `: ${describe(result)}` : '';
      this.#tell('ok', `${name}${detail}`, performance.now() - startedAt);
      return result;
    } catch (error) {
      this.#tell('failed', `${name}: ${errorText(error)}`, performance.now() - startedAt);
      throw error;
    }
  }

  heading(text: string): void {
    this.#screen.blank();
    this.#screen.say(text);
  }

  /** From now on shows what the bridge does for the visitor's own programs. */
  tellVisits(): void {
    this.#isVisited = true;
  }

  /**
   * The bridge's log, which is also read here.
   * @param tail gets each line too
   */
  log(tail: (line: string) => void): Log {
    let rest = '';
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#logged(JSON.parse(line) as LogLine);
        callback();
      },
    });
    return openLog({ level: 'info', format: 'json', destination, tail });
  }

  /**
   * The first matching log line, past or to come; fails if there is an error or a refusal for the same message instead.
   */
  async logged(id: string, text: string): Promise<LogLine> {
    const matches = (line: LogLine) =>
      line.id === id && (line.msg === text || line.level >= 40 || line.msg === 'deferred');
    const line =
      this.#lines.find(matches) ??
      (await new Promise<LogLine>((resolve, reject) => {
        this.#waiting.push({ matches, resolve });
        setTimeout(() => reject(new Error(`nothing within ${waitMs / 1000} s`)), waitMs).unref();
      }));
    if (line.msg === text) return line;
    throw new Error([line.code, line.text, line.remedy].filter(Boolean).join(' '));
  }

  #logged(line: LogLine): void {
    if (this.#isVisited) {
      const text = visitorLine(line);
      if (text !== undefined) this.#screen.say(text, { indent: 2 });
      return;
    }
    this.#lines.push(line);
    for (const each of this.#waiting.filter(({ matches }) => matches(line))) {
      this.#waiting.splice(this.#waiting.indexOf(each), 1);
      each.resolve(line);
    }
  }

  #tell(mark: Mark, text: string, ms: number): void {
    this.#screen.say(`${text} (${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms)`, { mark, indent: 2 });
  }
}

const waitMs = 15_000;
