import { styleText } from 'node:util';
import { visibleLine } from './visible.ts';

/** Pino's levels (its documentation, "Logger Instance", `logger.level`), each with its terminal colour. */
const levels = {
  10: { name: 'TRACE', colour: 'gray' },
  20: { name: 'DEBUG', colour: 'blue' },
  30: { name: 'INFO', colour: 'green' },
  40: { name: 'WARN', colour: 'yellow' },
  50: { name: 'ERROR', colour: 'red' },
  60: { name: 'FATAL', colour: 'magenta' },
} as const;

/** Longer values are cut, in UTF-16 code units; the JSON log has them in full. */
const maxValueLength = 500;

/** Text that needs no quotes to stand apart from its surroundings. */
const plain = /^[^\s"'=\\]+$/;

interface LogEvent {
  readonly time: string;
  readonly level: keyof typeof levels;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** Maximum number of fields in a line. */
const mostFields = 6;

/** Fields to drop first if there are more, in this order: they are in the JSON form, where programs look for them. */
const minorFields = ['upstreamId', 'ms', 'attempt', 'size', 'recipients', 'since', 'part', 'courier', 'mailbox'];

/**
 * Formats a log event on one line for people: `10:15:00.123 WARN refused user=ann error="Wrong password."`, with a
 * handful of its fields, without those that the message already contains. For an error, it shows message, remedy and
 * code. Other fields, structured ones, details, causes and stack are only in the JSON form.
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

/** The fields to show, with their values as text. */
function handful(fields: Readonly<Record<string, unknown>>, msg: string): (readonly [string, string])[] {
  const told = Object.entries(fields).flatMap(([key, value]) => {
    const text = key === 'error' && isErrorLike(value) ? errorLine(value, msg) : plainText(value);
    return text === undefined || (key === 'error' && text === '') || isIn(msg, text) ? [] : [[key, text] as const];
  });
  const minor = minorFields.filter((name) => told.some(([key]) => key === name));
  const left = new Set(minor.slice(0, Math.max(0, told.length - mostFields)));
  return told.filter(([key]) => !left.has(key)).slice(0, mostFields);
}

/** Tells whether a message contains a text as separate words: `contoso`, but not `1` in `10`. */
function isIn(msg: string, text: string): boolean {
  const at = text.length < 3 ? -1 : msg.indexOf(text);
  return at >= 0 && !/\w/.test(`${msg[at - 1] ?? ''}${msg[at + text.length] ?? ''}`);
}

/** Tells whether a stream is a terminal whose user permits colours (no-color.org). */
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

/** Formats a value as text, and a time in this machine's time zone; undefined for a structured value. */
function plainText(value: unknown): string | undefined {
  if (typeof value === 'string') return isoTime.test(value) ? momentText(new Date(value)) : value;
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value) || value.some((each) => typeof each === 'object')) return undefined;
  return value.join(',');
}

/** Formats a time to the second, with the date unless it is today. */
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

/** The logged form of an error. */
interface ErrorLike {
  readonly message: string;
  readonly remedy?: unknown;
  readonly code?: unknown;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof (value as ErrorLike | null)?.message === 'string';
}

/** What the message of the line does not already say. */
function errorLine({ message, remedy, code }: ErrorLike, msg: string): string {
  const parts = [message, remedy, code === undefined ? undefined : `(${code})`].filter(
    (part) => typeof part === 'string',
  );
  return parts.filter((part) => !isIn(msg, part)).join(' ');
}
