import { LRUCache } from 'lru-cache';
import type { Log } from './log.ts';

/** A line that a stranger can cause is written once per interval. */
const everyMs = 60_000;

/** Strangers counted separately; beyond this, the lines of the oldest start over. */
const maxKeys = 1_000;

interface Repeated {
  write: (times: number) => void;
  times: number;
  timer: NodeJS.Timeout | undefined;
}

/** For each log, the lines written in the last minute. */
const logs = new WeakMap<Log, LRUCache<string, Repeated>>();

/**
 * Writes a line that a stranger can cause at will: the first at once, and those of the following minute as one, with
 * their number in `times` and the fields of the last.
 * @param key what the lines have in common, including the client's address
 */
export function logRepeated(log: Log, level: 'info' | 'warn', key: string, fields: object, text: string): void {
  const lines = linesOf(log);
  const write = (times: number): void => log[level](times > 1 ? { ...fields, times } : fields, text);
  const known = lines.get(key);
  if (known !== undefined) {
    known.times++;
    known.write = write;
    return;
  }
  write(1);
  const repeated: Repeated = { write, times: 0, timer: undefined };
  repeated.timer = setTimeout(() => tell(lines, key, repeated), everyMs).unref();
  lines.set(key, repeated);
}

function tell(lines: LRUCache<string, Repeated>, key: string, repeated: Repeated): void {
  if (repeated.times === 0) {
    lines.delete(key);
    return;
  }
  repeated.write(repeated.times);
  repeated.times = 0;
  repeated.timer = setTimeout(() => tell(lines, key, repeated), everyMs).unref();
}

function linesOf(log: Log): LRUCache<string, Repeated> {
  let lines = logs.get(log);
  if (lines === undefined) {
    lines = new LRUCache({
      max: maxKeys,
      // An evicted count is still reported.
      dispose: ({ write, times, timer }) => {
        clearTimeout(timer);
        if (times > 0) write(times);
      },
    });
    logs.set(log, lines);
  }
  return lines;
}
