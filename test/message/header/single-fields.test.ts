import { describe, expect, it } from 'vitest';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { withSingleFields } from '../../../src/message/header/single-fields.ts';

function parse(...lines: string[]): HeaderBlock {
  return HeaderBlock.parse(
    Buffer.from(
      lines
        .map((line) => `${line}\r\n`)
        .join('')
        .concat('\r\n'),
    ),
  );
}

function single(...lines: string[]): string[] {
  return withSingleFields(parse(...lines)).fields.map(({ raw }) => raw.toString().replace(/\r\n$/, ''));
}

describe('A field that may stand once', () => {
  it.each([
    // RFC 5322 section 3.6.
    ...['Date', 'Sender', 'Message-ID', 'In-Reply-To', 'References', 'Subject'],
    // RFC 2045 section 3, RFC 2183.
    ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding', 'Content-ID', 'Content-Description'],
    'Content-Disposition',
  ])('counts as it stands first: %s', (name) => {
    const fields = [`${name}: 1`, 'X-Between: y', `${name.toUpperCase()}: 2`, `${name}: 3`, 'X-Last: z'];
    expect(single(...fields)).toEqual([`${name}: 1`, 'X-Between: y', 'X-Last: z']);
  });

  it.each(['Received', 'Comments', 'Keywords', 'Resent-To', 'Resent-Date', 'Bcc', 'From', 'X-Tag'])(
    'is not %s',
    (name) => {
      const header = parse(`${name}: a@x.example`, 'Subject: x', `${name}: b@x.example`);
      expect(withSingleFields(header)).toBe(header);
    },
  );

  it('changes nothing where each stands once', () => {
    const header = parse('To: a@x.example', 'Cc: b@x.example', 'Reply-To: c@x.example', 'Subject: x');
    expect(withSingleFields(header)).toBe(header);
  });
});

describe.each(['To', 'Cc', 'Reply-To'])('Several %s', (name) => {
  it.each<[string[], string]>([
    [['a@x.example', 'Bob <b@x.example>'], 'a@x.example,\r\n Bob <b@x.example>'],
    [['a@x.example', 'b@x.example', 'c@x.example'], 'a@x.example,\r\n b@x.example,\r\n c@x.example'],
    // Their octets stay, except a fold that would leave a line of blanks.
    [
      ['"Smith,  A" <a@x.example>,\r\n\tb@x.example', 'c@x.example'],
      '"Smith,  A" <a@x.example>,\r\n\tb@x.example,\r\n c@x.example',
    ],
    [['\r\n a@x.example', '\r\n b@x.example'], 'a@x.example,\r\n b@x.example'],
    [['root', 'b@x.example'], 'root,\r\n b@x.example'],
    // What would break the list is removed, and the addresses stay.
    [['a@x.example, <b@x.example', '[C] <c@x.example>'], 'a@x.example,\r\n b@x.example,\r\n "[C]" <c@x.example>'],
    // It names nobody.
    [['a@x.example', 'undisclosed-recipients:;'], 'a@x.example'],
    [['undisclosed-recipients:;', 'a@x.example'], 'a@x.example'],
    [['', 'a@x.example'], 'a@x.example'],
    [['Nobody:;', 'Undisclosed:;'], 'Nobody:;,\r\n Undisclosed:;'],
    [['', ''], ''],
  ])('of %j make one list in place of the first', (values, list) => {
    const [first = '', ...others] = values.map((value) => `${name}: ${value}`);
    const joined = single(
      'Subject: x',
      first,
      'X-Between: y',
      ...others.map((each) => each.replace(name, name.toLowerCase())),
    );
    expect(joined).toEqual(['Subject: x', `${name}: ${list}`, 'X-Between: y']);
  });
});
