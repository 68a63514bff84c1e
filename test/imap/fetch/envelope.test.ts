import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEnvelope } from '../../../src/imap/fetch/envelope.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';

function envelope(header: string): string {
  return formatEnvelope(HeaderBlock.parse(Buffer.from(header.replaceAll('\n', '\r\n'))));
}

describe('headers', () => {
  it('are told in the envelope as they stand', () => {
    const header =
      'Date: now\nSubject: =?utf-8?q?=C3=A9?=\n folded\nFrom: A B (comment) <a@b.c>\nTo: friends: x@y.z, "q\\"" <q@r.s>;, last@one\nCc:\nMessage-ID: <1@2>\n\n';
    expect(envelope(header)).toBe(
      '("now" "=?utf-8?q?=C3=A9?= folded" (("A B" NIL "a" "b.c")) (("A B" NIL "a" "b.c")) (("A B" NIL "a" "b.c")) ' +
        '((NIL NIL "friends" NIL)(NIL NIL "x" "y.z")("q\\"" NIL "q" "r.s")(NIL NIL NIL NIL)(NIL NIL "last" "one")) NIL NIL NIL "<1@2>")',
    );
  });

  it.each([
    ['nobody', '((NIL NIL "nobody" ""))'],
    ['<@route:a@b.c>', '((NIL "@route" "a" "b.c"))'],
    ['Ann <@one,@two.org:a@b.c>', '(("Ann" "@one,@two.org" "a" "b.c"))'],
    ['"a b"@c.d (Ann)', '(("Ann" NIL "a b" "c.d"))'],
    ['team: a@b.c', '((NIL NIL "team" NIL)(NIL NIL "a" "b.c")(NIL NIL NIL NIL))'],
    [
      'one: a@b.c, two: d@e.f;',
      '((NIL NIL "one" NIL)(NIL NIL "a" "b.c")(NIL NIL NIL NIL)(NIL NIL "two" NIL)(NIL NIL "d" "e.f")(NIL NIL NIL NIL))',
    ],
    ['undisclosed-recipients:;', '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'],
    ['two words', '((NIL NIL "two words" ""))'],
  ])('hold addresses: %s', (value, list) => {
    expect(envelope(`To: ${value}\n\n`)).toBe(`(NIL NIL NIL NIL NIL ${list} NIL NIL NIL NIL)`);
  });

  it('that are not ASCII go out as UTF-8', () => {
    const name = Buffer.from('Andrà').toString('latin1');
    expect(envelope('From: Andrà <a@b.c>\n\n')).toContain(`(({6}\r\n${name} NIL "a" "b.c"))`);
  });

  it('that are folded by tabs are told with blanks', () => {
    expect(envelope('Subject: one\n\ttwo\nFrom: A\n\tB <a@b.c>\n\n')).toContain('"one two" (("A B" NIL "a" "b.c"))');
  });

  it('without end are cut', () => {
    expect(envelope(`To: ${'a@b.c,'.repeat(20_000)}\n\n`).match(/"b\.c"/g)).toHaveLength(5_000);
    expect(envelope(`To: ${'x'.repeat(300_000)}@b.c\n\n`).length).toBeLessThan(262_300);
  });

  it('of any shape give address lists of four strings to an address', () => {
    const piece = fc.constantFrom(...'a"\\()<>@,;:.[] ', '=?utf-8?q?x?=', 'ü', '\0');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          const value = text.replace(/[\r\n]/g, ' ');
          const written = envelope(`To: ${value}\n\n`);
          const string = '(?:NIL|"(?:[^"\\\\]|\\\\.)*"|\\{\\d+\\}\\r\\n[^]*?)';
          const list = `(?:NIL|\\((?:\\(${string} ${string} ${string} ${string}\\))+\\))`;
          expect(written).toMatch(new RegExp(`^\\(NIL NIL NIL NIL NIL ${list} NIL NIL NIL NIL\\)$`));
        },
      ),
    );
  });
});
