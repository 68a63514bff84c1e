import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** What a relay used during one phase. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Of the process that used the most. */
  readonly busiestCpuSeconds: number;
  /** Highest sum seen, in bytes: pages shared by several processes are counted once (PSS). */
  readonly peakPssBytes: number;
  /**
   * Highest resident set: as kept by the kernel (VmHWM) for processes without descendants, otherwise the highest sum
   * seen.
   */
  readonly peakRssBytes: number;
}

const ticksPerSecond = 100;
const sampleEveryMs = 250;

/** Watches the processes of a relay and all their descendants at any time. */
export class UsageWatch {
  readonly #roots: readonly number[];
  readonly #timer: NodeJS.Timeout;
  /** By process. */
  readonly #cpuBefore: ReadonlyMap<number, number>;
  #peakPss = 0;
  #peakRss = 0;

  constructor(roots: readonly number[]) {
    this.#roots = roots;
    this.#cpuBefore = cpuTicks(roots);
    // Resets VmHWM (Linux: proc(5), clear_refs).
    for (const pid of this.#alone()) writeFileSync(`/proc/${pid}/clear_refs`, '5');
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), sampleEveryMs);
  }

  stop(): Usage {
    clearInterval(this.#timer);
    this.#sample();
    const alone = this.#alone();
    const used = [...cpuTicks(this.#roots)].map(
      ([pid, ticks]) => (ticks - (this.#cpuBefore.get(pid) ?? 0)) / ticksPerSecond,
    );
    return {
      cpuSeconds: used.reduce((sum, each) => sum + each, 0),
      busiestCpuSeconds: Math.max(...used),
      peakPssBytes: this.#peakPss,
      peakRssBytes:
        alone.length > 0 ? alone.reduce((sum, pid) => sum + field(pid, 'status', 'VmHWM'), 0) : this.#peakRss,
    };
  }

  /** The processes, if they have no descendants. */
  #alone(): readonly number[] {
    return family(this.#roots).length === this.#roots.length ? this.#roots : [];
  }

  #sample(): void {
    const all = family(this.#roots);
    const sum = (name: string) => all.reduce((total, pid) => total + field(pid, 'smaps_rollup', name), 0);
    this.#peakPss = Math.max(this.#peakPss, sum('Pss'));
    this.#peakRss = Math.max(this.#peakRss, sum('Rss'));
  }
}

/** Processes and their descendants. */
function family(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(stat(pid)?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [...roots];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** User and system time of each living process, including the dead children it waited for. */
function cpuTicks(roots: readonly number[]): Map<number, number> {
  return new Map(
    family(roots).map((pid) => {
      const fields = stat(pid) ?? [];
      return [pid, [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0)];
    }),
  );
}

/** Resident memory of a process and its descendants, in bytes; shared pages are counted for each. */
export function residentBytes(root: number): number {
  return family([root]).reduce((sum, pid) => sum + field(pid, 'status', 'VmRSS'), 0);
}

/** The fields after the command's name, which can contain spaces. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** A size given in kB, in bytes; 0 once the process is gone. */
function field(pid: number, file: string, name: string): number {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/${file}`) ?? '')?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
