import { Writable } from 'node:stream';
import { type Log, openLog } from '../../src/base/log.ts';
import type { LogLine } from './process.ts';

/** A log that a test reads, from `info` on. */
export function keptLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
  return { log: openLog({ level: 'info', format: 'json', destination }), lines };
}
