import { expect, test } from 'vitest';
import { sourceTexts } from '../docs/texts.ts';

/** Wordings that administrators had to read twice, and the words of design and style for them. */
const oldWords = [
  /\brests?\b(?! of| is| are|$)/,
  /turned away/,
  /\bare told$/,
  /nobody foresaw/,
  /cannot go on behind/,
  /commands that are none/,
  /^Nothing came/,
  /something behind/,
  /wrong door/,
  /in circles/,
  /gets no token/,
  /\b[Mm]ends?\b|\bmended\b/,
  /takes no more than/,
  /does not take what it is sent/,
  /\bput off\b/,
  /refused for good/,
  /its time is over/,
  /cannot be told/,
  /\bis no (?:valid )?(?:address|token|certificate|mailbox)\b/,
  /\bknows no\b/,
  /\btakes no\b/,
  /\bwants? (?:a|an|the) /,
  /trouble of its own/,
  /letter by letter/,
  /\bof no (?:use|effect)\b/,
  /opens? the way/,
  /\bshall\b/,
  /(?:mailboxes|addresses|programs|accounts|page|mailbox|failures|users?) alone\b/,
];

test('there are texts to read, with their places', () => {
  const texts = sourceTexts();
  expect(texts.length).toBeGreaterThan(1_000);
  expect(texts).toContainEqual(
    expect.objectContaining({ file: 'smtp/guarded-connection.ts', text: '4.7.0 Too many commands before the login' }),
  );
});

test('no text says in old words what has a usual one', () => {
  const old = sourceTexts().filter(({ text }) => oldWords.some((word) => word.test(text)));
  expect(old.map(({ file, line, text }) => `src/${file}:${line}: ${text}`)).toEqual([]);
});
