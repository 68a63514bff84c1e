import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fittedHelp } from '../../../src/cli/terminal/help.ts';
import { Progress } from '../../../src/cli/terminal/progress.ts';
import { Screen } from '../../../src/cli/terminal/screen.ts';
import { tableLines } from '../../../src/cli/terminal/table.ts';
import { relativeTime } from '../../../src/cli/terminal/times.ts';
import { columnsOf, cutTo, padded, widthOf } from '../../../src/cli/terminal/width.ts';
import { fittedText, wrapped, wrappedCommand } from '../../../src/cli/terminal/wrap.ts';

/** A stream that acts as a terminal, and what was written to it. */
function output(terminal: { readonly isTTY?: boolean; readonly columns?: number }) {
  let shown = '';
  const stream = Object.assign(
    new PassThrough().on('data', (chunk) => {
      shown += chunk;
    }),
    terminal,
  );
  return { stream, shown: () => shown };
}

test.each([
  [{ isTTY: true, columns: 132 }, { COLUMNS: '90' }, 132],
  [{ isTTY: true }, { COLUMNS: '90' }, 90],
  [{ isTTY: true }, { COLUMNS: 'wide' }, 80],
  [{ isTTY: true }, {}, 80],
  [{ columns: 132 }, { COLUMNS: '90' }, Number.POSITIVE_INFINITY],
])('the width of %j with %j is %d', (terminal, env, width) => {
  expect(widthOf(output(terminal).stream, env)).toBe(width);
});

test('wide characters take two columns, combining marks and colours none', () => {
  expect(['abc', '総務', 'e\u0301', '👨‍👩‍👧', '\u001b[31mab\u001b[39m'].map(columnsOf)).toEqual([3, 4, 1, 2, 2]);
  expect(cutTo('総務部の方', 6)).toBe('総務…');
  expect(cutTo('abcdef', 6)).toBe('abcdef');
  expect(padded('総', 4)).toBe('総  ');
  expect(padded('7', 3, 'right')).toBe('  7');
});

test.each([
  ['one two three', 9, {}, ['one two', 'three']],
  ['one two three', Number.POSITIVE_INFINITY, {}, ['one two three']],
  ['see https://contoso.example/long/path now', 10, {}, ['see', 'https://contoso.example/long/path', 'now']],
  ['総務部 経理部 人事部', 13, {}, ['総務部 経理部', '人事部']],
  ['one two three', 10, { first: '✓ ' }, ['✓ one two', '  three']],
  ['took 244 ms', 9, {}, ['took', '244 ms']],
  ['in 3 seconds', 6, {}, ['in 3', 'seconds']],
  ['a   b', 10, {}, ['a   b']],
])('%j in %d columns', (text, width, margins, lines) => {
  expect(wrapped(text, width, margins)).toEqual(lines);
});

test('a question keeps its layout and the blank behind it', () => {
  expect(fittedText('Which one?\n  1  this is long\n[1] > ', 12)).toBe('Which one?\n  1  this is\n     long\n[1] > ');
});

test('a command is one command, on however many lines', () => {
  const lines = wrappedCommand("swaks --server 127.0.0.1:25 --to 'a@b.example'", 30, 2);
  expect(lines).toEqual(['  swaks --server \\', '      127.0.0.1:25 --to \\', "      'a@b.example'"]);
});

interface Row {
  readonly id: string;
  readonly who: string;
  readonly size: string;
}

const columns = [
  { heading: 'ID', value: ({ id }: Row) => id },
  { heading: 'WHO', value: ({ who }: Row) => who, least: 6 },
  { heading: 'SIZE', value: ({ size }: Row) => size, align: 'right', spare: 1 },
] as const;
const rows: Row[] = [
  { id: 'a', who: 'somebody@contoso.example', size: '7 B' },
  { id: 'bb', who: '総務部', size: '12 kB' },
];

test('a table has its columns below one another, cuts what may be cut, and leaves out what is spare last', () => {
  expect(tableLines(columns, rows, 80)).toEqual([
    'ID  WHO                        SIZE',
    'a   somebody@contoso.example    7 B',
    'bb  総務部                    12 kB',
  ]);
  expect(tableLines(columns, rows, 20)).toEqual([
    'ID  WHO         SIZE',
    'a   somebody…    7 B',
    'bb  総務部     12 kB',
  ]);
  expect(tableLines(columns, rows, 14)).toEqual(['ID  WHO', 'a   somebody@…', 'bb  総務部']);
});

test('a mark has its colour at a terminal alone; a control character is shown', () => {
  const at = (terminal: object, env: object) => {
    const { stream, shown } = output(terminal);
    const screen = new Screen(stream, env as Record<string, string>);
    screen.say('✓ done\u001b[2J');
    screen.say('failed', { mark: 'failed' });
    return shown();
  };
  expect(at({ isTTY: true }, {})).toBe('\u001b[32m✓\u001b[39m done\\u001b[2J\n\u001b[31m✗\u001b[39m failed\n');
  expect(at({ isTTY: true }, { NO_COLOR: '1' })).toBe('✓ done\\u001b[2J\n✗ failed\n');
  expect(at({ isTTY: true }, { TERM: 'dumb' })).not.toContain('\u001b[32m');
  expect(at({}, {})).toBe('✓ done\\u001b[2J\n✗ failed\n');
});

test('help fits: usage breaks between its parts, explanations stay in their column', () => {
  const usage = `Usage: mailbridge x [--one ADDRESS] [--two]

Does this and that.

  --one ADDRESS  the first of two
`;
  expect(fittedHelp(usage, Number.POSITIVE_INFINITY)).toBe(usage);
  expect(fittedHelp(usage, 40)).toBe(`Usage: mailbridge x [--one ADDRESS]
                    [--two]

Does this and that.

  --one ADDRESS
      the first of two
`);
});

test('progress is told after a second, at a terminal alone, and taken away', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { stream, shown } = output({ isTTY: true, columns: 30 });
  const progress = new Progress({ stderr: stream, env: {} }, 'Trying');
  vi.advanceTimersByTime(999);
  expect(shown()).toBe('');
  vi.advanceTimersByTime(1);
  expect(shown()).toBe('\r\u001b[KTrying … 1 s');
  progress.end();
  expect(shown()).toBe('\r\u001b[KTrying … 1 s\r\u001b[K');
  const elsewhere = output({});
  const quiet = new Progress({ stderr: elsewhere.stream, env: {} }, 'Trying');
  vi.advanceTimersByTime(5000);
  quiet.end();
  expect(elsewhere.shown()).toBe('');
});

test.each([
  [-40_000, '40 s ago'],
  [-180_000, '3 min ago'],
  [3 * 3_600_000, 'in 3 h'],
  [48 * 3_600_000, 'in 2 d'],
  [200, 'now'],
])('%d ms away is %s', (ms, text) => {
  expect(relativeTime(1_000_000_000 + ms, 1_000_000_000)).toBe(text);
});
