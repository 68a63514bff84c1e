import { PassThrough } from 'node:stream';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { openLog } from '../../src/base/log.ts';
import { prettyLine } from '../../src/base/pretty-line.ts';

const time = '2026-11-29T10:15:00.007Z';
const clock = /^\d\d:\d\d:\d\d\.007 /;

function line(event: object, colours = false): string {
  return prettyLine(`${JSON.stringify({ level: 30, time, ...event })}\n`, colours);
}

afterEach(() => vi.unstubAllEnvs());

test.each([
  [{ msg: 'started' }, 'INFO  started\n'],
  [{ level: 10, msg: 'a' }, 'TRACE a\n'],
  [{ level: 60, msg: 'a' }, 'FATAL a\n'],
  [{ level: 40, msg: 'refused', user: 'ann', port: 25, tls: false }, 'WARN  refused user=ann port=25 tls=false\n'],
  [{ msg: 'x', text: '550 no "such" user', empty: '' }, 'INFO  x text="550 no \\"such\\" user" empty=""\n'],
  [{ msg: 'x', to: ['a@b.c', 'd@e.f'], nothing: null }, 'INFO  x to=a@b.c,d@e.f nothing=null\n'],
  [{ msg: 'two\nlines\u001b[2J', 'odd\nkey': 'a\r\nb' }, 'INFO  two\\u000alines\\u001b[2J odd\\u000akey="a\\r\\nb"\n'],
  [{ fact: 1 }, 'INFO  fact=1\n'],
  [{ msg: 'x', listeners: [{ port: 25 }], of: { a: 1 } }, 'INFO  x\n'],
  [{ msg: 'contoso works again', connection: 'contoso', waiting: 1 }, 'INFO  contoso works again waiting=1\n'],
  [{ msg: '10 waited', id: 'wait' }, 'INFO  10 waited id=wait\n'],
  [
    { msg: 'deferred', id: 'a', mailbox: 'm', courier: 'graph', attempt: 1, ms: 5, to: 't', code: '4', text: 'u' },
    'INFO  deferred id=a mailbox=m courier=graph to=t code=4 text=u\n',
  ],
  [{ msg: 'x', a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }, 'INFO  x a=1 b=2 c=3 d=4 e=5 f=6\n'],
])('%j is one line', (event, expected) => {
  const text = line(event);
  expect(text).toMatch(clock);
  expect(text.replace(clock, '')).toBe(expected);
});

test('the time is that of this machine', () => {
  vi.stubEnv('TZ', 'Asia/Kolkata');
  expect(line({ msg: 'x' })).toBe('15:45:00.007 INFO  x\n');
});

test('a moment is told by the clock of this machine, with the date where it is another day', () => {
  vi.stubEnv('TZ', 'Asia/Kolkata');
  vi.setSystemTime('2026-11-29T10:15:00Z');
  onTestFinished(() => void vi.useRealTimers());
  expect(line({ msg: 'x', until: '2026-11-29T11:00:01.250Z' })).toContain(' until=16:30:01\n');
  expect(line({ msg: 'x', until: '2026-11-30T11:00:01Z' })).toContain(' until="2026-11-30 16:30:01"\n');
});

test('of an error message, remedy and code are told, and nothing twice', () => {
  const written: string[] = [];
  const destination = new PassThrough().on('data', (chunk) => written.push(String(chunk)));
  const log = openLog({ level: 'info', format: 'pretty', destination });
  const error = new BridgeError('config-not-found', 'No file.', { remedy: 'Make one.', cause: new Error('ENOENT') });
  log.error({ error }, 'not reloaded');
  log.error({ error: new TypeError('x is undefined') }, 'defect');
  log.error({ error }, `not reloaded: ${error.message} ${error.remedy}`);
  expect(written.map((text) => text.slice(13))).toEqual([
    'ERROR not reloaded error="No file. Make one. (config-not-found)"\n',
    'ERROR defect error="x is undefined"\n',
    'ERROR not reloaded: No file. Make one. error=(config-not-found)\n',
  ]);
});

test('a long value is cut', () => {
  expect(line({ msg: 'x', long: 'y'.repeat(501) })).toContain(`long=${'y'.repeat(500)}…\n`);
  expect(line({ msg: 'x', long: 'y'.repeat(500) })).toContain(`long=${'y'.repeat(500)}\n`);
});

test('there are colours at a terminal alone, and not where NO_COLOR is set', () => {
  const written = (isTTY: boolean | undefined): string => {
    const destination = Object.assign(new PassThrough(), { isTTY });
    openLog({ level: 'info', format: 'pretty', destination }).warn({ port: 25 }, 'busy');
    return String(destination.read());
  };
  vi.stubEnv('NO_COLOR', '');
  vi.stubEnv('TERM', 'xterm');
  expect(written(true)).toContain('\u001b[33mWARN \u001b[39m busy \u001b[36mport=\u001b[39m25\n');
  expect(written(undefined)).not.toContain('\u001b');
  vi.stubEnv('NO_COLOR', '1');
  expect(written(true)).not.toContain('\u001b');
});

test('a line fits as its destination wants', () => {
  const destination = new PassThrough();
  openLog({ level: 'info', format: 'pretty', destination, layout: (text) => `> ${text}` }).info('x');
  expect(String(destination.read())).toMatch(/^> .*INFO {2}x\n$/);
});

test('a value that is cut within a character ends before it', () => {
  const line = JSON.stringify({ time: '2026-01-05T08:00:00.000Z', level: 30, msg: 'x', v: `${'a'.repeat(499)}😀b` });
  expect(prettyLine(line, false).isWellFormed()).toBe(true);
});
