import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { errorText } from '../../src/base/errors.ts';
import { openLog } from '../../src/base/log.ts';
import { holdsUnseen, visible, visibleLine, visibleStream } from '../../src/base/visible.ts';

const hostile = 'a\u202egnp.exe\u200b\u00ad\u{e0041}\u2066\u061c\u009b31m\u2028\ufeff@x';
const shown = 'a\\u202egnp.exe\\u200b\\u00ad\\udb40\\udc41\\u2066\\u061c\\u009b31m\\u2028\\ufeff@x';

test('what is not seen is escaped, as JSON reads it', () => {
  expect(visible(hostile)).toBe(shown);
  expect(visible(shown)).toBe(shown);
  expect(JSON.parse(visible(JSON.stringify({ [hostile]: hostile })))).toEqual({ [hostile]: hostile });
});

test('what is seen stays, in every script, emoji too', () => {
  const text =
    'J\u00fcrgen \u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627 \u8acb\u6c42\u66f8 \u2764\ufe0f \ud83d\ude00\tx\n';
  expect(visible(text)).toBe(text);
  expect(holdsUnseen(text)).toBe(false);
  expect(holdsUnseen(hostile)).toBe(true);
});

test('a line shows ESC, BEL and line ends as well', () => {
  expect(visibleLine('\u001b]0;x\u0007\r\n\u202ey')).toBe('\\u001b]0;x\\u0007\\u000d\\u000a\\u202ey');
  expect(errorText(new Error('550 \u001b[2J no\n \u202e'))).toBe('550 [2J no');
});

test('a stream shows text, and passes octets on as they are', () => {
  const stream = new PassThrough();
  const output = visibleStream(stream);
  output.write(hostile);
  output.write(Buffer.from('\u202e'));
  output.end();
  expect(stream.read().toString()).toBe(`${shown}\u202e`);
  expect(output.writableEnded).toBe(true);
});

describe('The log', () => {
  test.each(['json', 'pretty'] as const)('shows what is not seen (%s)', async (format) => {
    const destination = new PassThrough();
    const log = openLog({ level: 'info', format, destination });
    log.warn({ from: `x${hostile}`, error: new Error(hostile) }, `refused ${hostile}`);
    const text = String(destination.read());
    expect(holdsUnseen(text)).toBe(false);
    expect(text).toContain(`refused ${shown}`);
    expect(text.split(shown).length).toBeGreaterThan(2);
    if (format === 'json') expect(JSON.parse(text)).toMatchObject({ from: `x${hostile}`, msg: `refused ${hostile}` });
  });
});
