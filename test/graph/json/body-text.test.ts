import { describe, expect, it } from 'vitest';
import { bodyText, unflowed } from '../../../src/graph/json/body-text.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { partOf } from '../../../src/message/mime/part.ts';
import { lines } from '../send-json-world.ts';

function text(contentType: string, octets: Buffer | string): string {
  const header = HeaderBlock.parse(Buffer.from(`Content-Type: ${contentType}\r\n\r\n`));
  return bodyText(partOf(header, 0, 'text/plain'), Buffer.from(octets));
}

describe('HTML that names its charset, where its part names none', () => {
  const japanese = Buffer.concat([
    Buffer.from('<meta http-equiv="Content-Type" content="text/html; charset=iso-2022-jp"><p>'),
    Buffer.from('\x1b$BF|K\\\x1b(B', 'latin1'),
  ]);

  it.each([
    ['in a content', 'text/html', japanese, '日本'],
    ['in an attribute', 'text/html', Buffer.from('<META charset="KOI8-R"><p>\xf0\xd2', 'latin1'), 'Пр'],
    ['but the part does too', 'text/html; charset=koi8-r', Buffer.from('<meta charset=cp1252><p>\xf0', 'latin1'), 'П'],
    ['but is UTF-8', 'text/html', Buffer.from('<meta charset=iso-8859-1><p>ü'), 'ü'],
    ['but cannot be UTF-16', 'text/html', Buffer.from('<meta charset=utf-16><p>abc'), 'abc'],
    ['but nobody knows it', 'text/html', Buffer.from('<meta charset=klingon><p>\xfc', 'latin1'), 'ü'],
    ['and is text', 'text/plain', Buffer.from('<meta charset=koi8-r><p>\xfc', 'latin1'), 'ü'],
  ])('%s', (_, contentType, octets, expected) => {
    expect(text(contentType, octets).replace(/^.*>/, '')).toBe(expected);
  });
});

describe('format=flowed', () => {
  const flowed = lines(
    'A paragraph ',
    'of two lines.',
    '',
    ' From a guarded line',
    ' > no quote',
    '>> quoted ',
    '>> twice, ',
    '> then once',
    '-- ',
    'Ann ',
    '-- ',
    'B',
  );
  const paragraphs = ['A paragraph of two lines.', '', 'From a guarded line', '> no quote'];
  const ending = ['>> quoted twice, ', '> then once', '-- ', 'Ann ', '-- ', 'B'];

  it('is read as paragraphs, and its signature stays apart', () => {
    expect(unflowed(flowed, false)).toBe(lines(...paragraphs, ...ending));
    expect(text('text/plain; format=Flowed', flowed)).toBe(lines(...paragraphs, ...ending));
  });

  it('with DelSp cuts within words', () => {
    expect(text('text/plain; format=flowed; delsp=yes', '日本 \r\n語 \r\nb\r\n')).toBe('日本語b\r\n');
  });

  it('is nothing to HTML, nor to other formats', () => {
    expect(text('text/html; format=flowed', 'a \r\nb')).toBe('a \r\nb');
    expect(text('text/plain; format=fixed', 'a \r\nb')).toBe('a \r\nb');
    expect(text('text/plain', ' a \nb')).toBe(' a \nb');
  });

  it('takes linear time', () => {
    expect(unflowed('a \r\n'.repeat(200_000), true)).toBe('a'.repeat(200_000));
  });
});
