import { type Logger, pino } from 'pino';
import { BridgeError, errorText } from './errors.ts';
import { prettyLine, takesColours } from './pretty-line.ts';
import { visible } from './visible.ts';

/** The structured log. Fields first, then the line for people. */
export type Log = Logger;

/** `log` of the configuration. */
export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `pretty` for people, `json` for machines. */
  readonly format: 'pretty' | 'json';
  /** Destination of the lines; default standard output. */
  readonly destination?: NodeJS.WritableStream;
  /** Also gets each line, in JSON, before it is made readable for people. */
  readonly tail?: (line: string) => void;
  /** For `pretty`: whether it is coloured; default: whether the destination supports colours. */
  readonly colours?: boolean;
  /** For `pretty`: makes a line fit its destination. */
  readonly layout?: (line: string) => string;
}

/** Opens the log. Errors are written with code, kind and the chain of causes, never with a secret. */
export function openLog(options: LogOptions): Log {
  const destination = options.destination ?? process.stdout;
  const settings = {
    ...common(options.level),
    // Addresses, subjects and replies are foreign text.
    hooks: {
      streamWrite(line: string) {
        options.tail?.(line);
        return visible(line);
      },
    },
  };
  if (options.format === 'json') return pino(settings, destination);
  const { colours = takesColours(destination), layout = (line) => line } = options;
  return pino(settings, { write: (line) => destination.write(layout(prettyLine(line, colours))) });
}

function common(level: LogOptions['level']) {
  return { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: loggableError } };
}

/** Opens a log whose lines another process writes, with {@link writeRelayed}. */
export function openRelayedLog(level: LogOptions['level'], relay: (line: string) => void): Log {
  return pino(common(level), { write: relay });
}

/** The logged form of another process's error. */
class RelayedError {
  readonly loggable: Record<string, unknown>;

  constructor(loggable: Record<string, unknown>) {
    this.loggable = loggable;
  }
}

/** Writes a line of a log opened with {@link openRelayedLog}. */
export function writeRelayed(log: Log, line: string): void {
  const { level, time: _, msg, error, ...fields } = JSON.parse(line) as RelayedLine;
  const name = (log.levels.labels[level] ?? 'info') as Exclude<LogOptions['level'], 'silent'>;
  log[name](error === undefined ? fields : { ...fields, error: new RelayedError(error) }, msg);
}

interface RelayedLine {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly error?: Record<string, unknown>;
}

/** Returns the logged form of an error. */
export function loggableError(error: unknown): Record<string, unknown> {
  if (error instanceof RelayedError) return error.loggable;
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 5) {
    causes.push(errorText(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const chain = causes.length > 0 ? { causes } : {};
  if (error instanceof BridgeError) {
    return {
      code: error.code,
      kind: error.kind,
      message: error.message,
      remedy: error.remedy,
      ...error.details,
      ...chain,
    };
  }
  // An unexpected error is a defect: the stack says where.
  return { message: errorText(error), stack: error instanceof Error ? error.stack : undefined, ...chain };
}

/** A log that drops everything, for callers that need none. */
export const silentLog: Log = pino({ level: 'silent' });
