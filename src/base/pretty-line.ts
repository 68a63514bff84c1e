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

/** A line has no more fields than this. */
const mostFields = 6;

/** What goes first where there are more, in this order: it stands in the JSON form, where programs look for it. */
const minorFields = ['upstreamId', 'ms', 'attempt', 'size', 'recipients', 'since', 'part', 'courier', 'mailbox'];

/**
 * An event of the log on one line for people: `10:15:00.123 WARN  refused user=ann error="Wrong password."`, with a
 * handful of its fields, and none that the message holds already. Of an error it tells message, remedy and code. All
 * fields, structured ones, details, causes and stack are in the JSON form alone.
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
    ...handful(fields, msg).map(([key, text]) => `${styled('cyan', `${visibleLine(key)}=`)}${quoted(text)}`),
  ];
  return `${words.join(' ')}\n`;
}

/** The fields that are shown, with their values as text. */
function handful(fields: Readonly<Record<string, unknown>>, msg: string): (readonly [string, string])[] {
  const told = Object.entries(fields).flatMap(([key, value]) => {
    const text = key === 'error' && isErrorLike(value) ? errorLine(value, msg) : plainText(value);
    return text === undefined || (key === 'error' && text === '') || isIn(msg, text) ? [] : [[key, text] as const];
  });
  const minor = minorFields.filter((name) => told.some(([key]) => key === name));
  const left = new Set(minor.slice(0, Math.max(0, told.length - mostFields)));
  return told.filter(([key]) => !left.has(key)).slice(0, mostFields);
}

/** Whether a message holds a text as words of its own: `contoso`, but not `1` in `10`. */
function isIn(msg: string, text: string): boolean {
  const at = text.length < 3 ? -1 : msg.indexOf(text);
  return at >= 0 && !/\w/.test(`${msg[at - 1] ?? ''}${msg[at + text.length] ?? ''}`);
}

/** Whether a stream is a terminal whose user has nothing against colours (no-color.org). */
export function takesColours(
  stream: object & { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

function localTime(date: Date): string {
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => digits(value)).join(':');
  return `${clock}.${digits(date.getMilliseconds(), 3)}`;
}

function localDate(date: Date): string {
  return [date.getFullYear(), digits(date.getMonth() + 1), digits(date.getDate())].join('-');
}

function digits(value: number, length = 2): string {
  return String(value).padStart(length, '0');
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/** A value as text, a moment by the clock of this machine; undefined of what is structured. */
function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return isoTime.test(value) ? momentText(new Date(value)) : value;
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value) || value.some((each) => typeof each === 'object')) return undefined;
  return value.join(',');
}

/** The clock to the second, with the date where that is not today's. */
function momentText(date: Date): string {
  const clock = localTime(date).replace(/\..*/, '');
  return date.toDateString() === new Date().toDateString() ? clock : `${localDate(date)} ${clock}`;
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

/** What the message of the line does not say already. */
function errorLine({ message, remedy, code }: ErrorLike, msg: string): string {
  const parts = [message, remedy, code === undefined ? undefined : `(${code})`].filter(
    (part) => typeof part === 'string',
  );
  return parts.filter((part) => !isIn(msg, part)).join(' ');
}
