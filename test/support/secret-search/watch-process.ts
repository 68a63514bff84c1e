import { format } from 'node:util';
import { pino, symbols } from 'pino';
import { silentLog } from '../../../src/base/log.ts';
import { openOutput, recorded } from './record.ts';

/** Records what the test's own process writes: every line of any log, whatever its destination, and its own output. */
export function watchProcess(): void {
  watchLogs();
  letSilentLogSpeak();
  recorded(process.stdout, { stream: 'standard output' });
  recorded(process.stderr, { stream: 'standard error' });
  const take = openOutput({ stream: 'console' });
  for (const method of ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const) {
    const original = console[method];
    console[method] = (...args: unknown[]) => {
      take(`${format(...args)}\n`);
      original(...args);
    };
  }
}

/** All loggers share one prototype, whose method makes the line: pino, lib/proto.js. */
interface LogPrototype {
  [symbols.asJsonSym](...args: unknown[]): string;
}

function watchLogs(): void {
  const take = openOutput({ stream: 'log' });
  let prototype: LogPrototype | null = pino({ level: 'silent' }) as unknown as LogPrototype;
  while (prototype !== null && !Object.hasOwn(prototype, symbols.asJsonSym)) {
    prototype = Object.getPrototypeOf(prototype) as LogPrototype | null;
  }
  if (prototype === null) throw new Error('pino has changed: nothing makes its lines');
  const makeLine = prototype[symbols.asJsonSym];
  prototype[symbols.asJsonSym] = function (...args) {
    const line = makeLine.apply(this, args);
    take(line);
    return line;
  };
}

/** Lines that tests silence would be logged in production: they are recorded, and go nowhere else. */
function letSilentLogSpeak(): void {
  Object.assign(silentLog, { [symbols.streamSym]: { write() {} } });
  silentLog.level = 'trace';
}
