import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordProcess } from './secret-search/command-output.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const watch = join(import.meta.dirname, 'secret-search', 'bridge-process.ts');

/** A line of the structured log. */
export interface LogLine {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface MailbridgeOptions {
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** How long to wait for a log line; default 25 s, which is within most tests' timeout. */
  readonly patienceMs?: number;
  /** The user to run as; only root can choose another user. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** `mailbridge` as a separate process, and its output. */
export class Mailbridge {
  readonly #process: ChildProcess;
  readonly #exited: Promise<Exit>;
  readonly #patienceMs: number;
  #stdout = '';
  #stderr = '';
  #lines: LogLine[] = [];
  #partial = '';
  #ended = false;
  readonly #watchers = new Set<() => void>();

  private constructor(child: ChildProcess, command: readonly string[], patienceMs = 25_000) {
    this.#process = child;
    this.#patienceMs = patienceMs;
    recordProcess(child, command);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#readLines(text);
      this.#wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    this.#exited = once(child, 'close').then(([code, signal]) => {
      this.#ended = true;
      this.#wake();
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  static run(args: readonly string[], options: MailbridgeOptions = {}): Mailbridge {
    const child = spawn(process.execPath, ['--import', watch, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MAILBRIDGE_CONFIG: undefined, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...options.user,
    });
    return new Mailbridge(child, args, options.patienceMs);
  }

  /** `mailbridge start`, once it is ready. */
  static async start(configFile: string, options: MailbridgeOptions = {}): Promise<Mailbridge> {
    const bridge = Mailbridge.run(['start', '--config', configFile], options);
    try {
      await bridge.line(({ msg }) => msg.startsWith('ready: '), 'the ready line');
    } catch (error) {
      await bridge.kill();
      throw error;
    }
    return bridge;
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** The port of the listener at an index of the configuration. */
  port(index = 0): number {
    const ready = this.#lines.find(({ msg }) => msg.startsWith('ready: '));
    const port = (ready?.listeners as { port: number }[] | undefined)?.[index]?.port;
    if (port === undefined) throw new Error('not ready, or no such listener');
    return port;
  }

  /** The first matching log line, once it exists. @throws Error if the process ends without it */
  line(fits: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    return this.#until(() => this.#lines.find(fits), what);
  }

  /** Waits until standard output matches. @throws Error if the process ends without it */
  async text(pattern: RegExp, what: string): Promise<void> {
    await this.#until(() => pattern.test(this.#stdout) || undefined, what);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  exit(): Promise<Exit> {
    return this.#exited;
  }

  /** Kills it in any state: no process outlives its test. */
  async kill(): Promise<Exit> {
    this.#process.kill('SIGKILL');
    return await this.#exited;
  }

  /**
   * Starts watching the resident memory.
   * @returns a function that gives it in bytes, at the start and its maximum since; undefined if the system does not
   * report it (Linux does, proc(5))
   */
  watchMemory(): (() => { readonly before: number; readonly highest: number }) | undefined {
    const folder = `/proc/${this.pid}`;
    if (!existsSync(`${folder}/clear_refs`)) return undefined;
    const octets = (key: string) => {
      const status = readFileSync(`${folder}/status`, 'utf8');
      return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
    };
    // 5 resets the high-water mark to the current resident set.
    writeFileSync(`${folder}/clear_refs`, '5');
    const before = octets('VmRSS');
    return () => ({ before, highest: octets('VmHWM') });
  }

  #readLines(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{"')) this.#lines.push(JSON.parse(line) as LogLine);
  }

  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    const limit = AbortSignal.timeout(this.#patienceMs);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const seen = `${this.#stderr}${this.#stdout.slice(-2000)}`;
      if (this.#ended) throw new Error(`mailbridge ended before ${what}: ${seen}`);
      if (limit.aborted) throw new Error(`waited ${this.#patienceMs} ms for ${what}: ${seen}`);
      await this.#change(limit);
    }
  }

  #change(limit: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done);
        limit.removeEventListener('abort', done);
        resolve();
      };
      this.#watchers.add(done);
      limit.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
