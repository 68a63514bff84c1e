import { styleText } from 'node:util';
import { visibleLine } from './visible.ts';

/** Pino's levels (its documentation, "Logger Instance", `logger.level`), each with its colour at a terminal. */
const levels = {
  10: { name: 'TRACE', colour: 'gray' },
  20: { name: 'DEBUG', colour: 'blue' },
  30: { name: 'INFO', colour: 'green' },
  40: { name: 'WARN', colour: 'yellow' },
  50: { name: 'ERROR', colour: 'red' },
  60: { name: 'FATAL', colour: 'magenta' },
} as const;

/** Longer values are cut, in UTF-16 code units; in JSON the log has them whole. */
const maxValueLength = 500;

/** Text that needs no quotes to be told from what stands around it. */
const plain = /^[^\s"'=\\]+$/;

interface LogEvent {
  readonly time: string;
  readonly level: keyof typeof levels;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/**
 * An event of the log on one line for people: `10:15:00.123 WARN  refused user=ann error="Wrong password."`. Of an error
 * it tells message, remedy and code; its details, causes and stack are in the JSON form alone.
 * @param json the event as pino writes it
 * @param colours whether level and names are coloured, for a terminal
 */
export function prettyLine(json: string, colours: boolean): string {
  const { time, level, msg = '', ...fields } = JSON.parse(json) as LogEvent;
  const styled = (style: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const { name, colour } = levels[level];
  const words = [
    styled('gray', localTime(new Date(time))),
    styled(colour, name.padEnd(5)),
    ...(msg === '' ? [] : [visibleLine(msg)]),
    ...Object.entries(fields).map(([key, value]) => `${styled('cyan', `${visibleLine(key)}=`)}${shown(key, value)}`),
  ];
  return `${words.join(' ')}\n`;
}

/** Whether a stream is a terminal whose user has nothing against colours (no-color.org). */
export function takesColours(
  stream: object & { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR;
}

function localTime(date: Date): string {
  const digits = (value: number, length = 2): string => String(value).padStart(length, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => digits(value)).join(':');
  return `${clock}.${digits(date.getMilliseconds(), 3)}`;
}

function shown(key: string, value: unknown): string {
  if (key === 'error' && isErrorLike(value)) return quoted(errorLine(value));
  return typeof value === 'string' ? quoted(value) : visibleLine(cut(JSON.stringify(value)));
}

function quoted(text: string): string {
  const short = cut(text);
  return visibleLine(plain.test(short) ? short : JSON.stringify(short));
}

function cut(text: string): string {
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength).toWellFormed()}…` : text;
}

/** What the log makes of an error. */
interface ErrorLike {
  readonly message: string;
  readonly remedy?: unknown;
  readonly code?: unknown;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof (value as ErrorLike | null)?.message === 'string';
}

function errorLine({ message, remedy, code }: ErrorLike): string {
  return [message, remedy, code === undefined ? undefined : `(${code})`].filter(Boolean).join(' ');
}
