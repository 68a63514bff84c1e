import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { parseAddressList } from '../../../src/message/address/address.ts';
import { withSoundAddressFields } from '../../../src/message/address/fields.ts';
import { KnownAddresses } from '../../../src/message/address/known.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { decodedWords } from '../../../src/message/mime/encodings.ts';
import { needProgram } from '../../support/external.ts';

const envelope = ['root@contoso.example', 'Jo@fabrikam.example', 'bob@x.example', 'two@x.example', 'two@y.example'];
const around = {
  recipients: new KnownAddresses(envelope, 'contoso.example'),
  senders: new KnownAddresses(['reports@contoso.example'], 'contoso.example'),
};

/** The lines that the fields of a header are repaired to. */
function repaired(...fields: string[]): string {
  const header = withSoundAddressFields(HeaderBlock.parse(Buffer.from(`${fields.join('\r\n')}\r\n\r\n`)), around);
  return header.fields.map(({ raw }) => raw.toString().trimEnd()).join('\r\n');
}

const recipientFields = ['To', 'Cc', 'Bcc', 'Resent-To', 'Resent-Cc', 'Resent-Bcc'];
const otherFields = [
  ...['Reply-To', 'Resent-Reply-To', 'Resent-From', 'Resent-Sender', 'Mail-Reply-To', 'Mail-Followup-To', 'Errors-To'],
  ...['Disposition-Notification-To', 'Return-Receipt-To', 'X-Confirm-Reading-To'],
];

describe.each([...recipientFields, ...otherFields])('%s', (name) => {
  test.each([
    ['[HP Scanner] <a@b.example>', '"[HP Scanner]" <a@b.example>'],
    ['[x] <a@x.example>', '"[x]" <a@x.example>'],
    ['Smith, John <j@x.example>', '"Smith, John" <j@x.example>'],
    ['Smith, John, Dr. <j@x.example>', '"Smith, John, Dr." <j@x.example>'],
    ['van der Berg, Jan <j@x.example>, a@x.example', '"van der Berg, Jan" <j@x.example>,\r\n a@x.example'],
    ['Smith, <j@x.example>', 'Smith <j@x.example>'],
    ['a@x.example, Undisclosed', 'a@x.example'],
    ['a@x.example, <b@x.example', 'a@x.example,\r\n b@x.example'],
    ['(Ann) Ann) <a@x.example>', 'Ann <a@x.example>'],
    ['.Ann <a@x.example>', '".Ann" <a@x.example>'],
    ['=?utf-8?Q?Dr._Ann, X?= <a@x.example>', '"Dr. Ann, X" <a@x.example>'],
    ['=?utf-8?Q?c=40evil.example?=, a@x.example', 'a@x.example'],
    ['Boss <ceo\u202e@x.example>, a\u200b@x.example, a@x.example', 'a@x.example'],
  ])('with %j leaves as %j', (value, expected) => {
    expect(repaired(`${name}: ${value}`)).toBe(`${name}: ${expected}`);
  });

  test.each([
    'ann@x.example',
    '"Smith, John" <j@x.example>,\r\n\tBob <bob@x.example>',
    'John Q. Public <j@x.example>',
    '=?iso-8859-1?Q?M=FCller?= <m@x.example>',
    '',
  ])('with %j keeps its octets', (value) => {
    expect(repaired(`${name}: ${value}`)).toBe(`${name}: ${value}`.trimEnd());
  });

  test.each([
    '=?utf-8?Q?c=40evil.example?=',
    '=?utf-8?Q?C_<c@evil.example>?=',
    'a@b@c',
    '<>',
    '(c@evil.example)',
    ', ,',
  ])('with %j alone is left out: nobody can be reached by it', (value) => {
    expect(repaired(`${name}: ${value}`, 'X-Last: y')).toBe('X-Last: y');
  });

  test.each([
    ['Undisclosed', 'Undisclosed:;'],
    ['undisclosed-recipients', 'undisclosed-recipients:;'],
    ['<undisclosed-recipients:;>', 'undisclosed-recipients:;'],
    ['"Undisclosed recipients"', 'Undisclosed recipients:;'],
    ['Undisclosed recipients', 'Undisclosed recipients:;'],
    ['undisclosed-recipients:', 'undisclosed-recipients:;'],
    ['[all]', '"[all]":;'],
    ['=?utf-8?Q?Alle_im_B=C3=BCro?=', '=?utf-8?Q?Alle_im_B=C3=BCro?=:;'],
    ['two', 'two:;'],
  ])('with %j alone gets no address at our domain', (value, group) => {
    const field = recipientFields.includes(name) ? [`${name}: ${group}`] : [];
    expect(repaired(`${name}: ${value}`, 'X-Last: y')).toBe([...field, 'X-Last: y'].join('\r\n'));
  });
});

test.each(recipientFields)('%s: a word, or an encoded word, that the envelope knows is completed', (name) => {
  expect(repaired(`${name}: root, Jo, root <root>`)).toBe(
    `${name}: root@contoso.example,\r\n Jo@fabrikam.example,\r\n root <root@contoso.example>`,
  );
  expect(repaired(`${name}: =?utf-8?Q?bob=40x.example?=`)).toBe(`${name}: bob@x.example`);
  expect(repaired(`${name}: =?utf-8?Q?Bob_<bob@x.example>?=`)).toBe(`${name}: Bob <bob@x.example>`);
});

test('Reply-To: reports is the mailbox; a recipient, who may be hidden, is not named there', () => {
  expect(repaired('Reply-To: reports')).toBe('Reply-To: reports@contoso.example');
  expect(repaired('Reply-To: jo', 'X-Last: y')).toBe('X-Last: y');
});

test('repaired fields stay in their place', () => {
  expect(repaired('Subject: x', 'To: [a] <a@x.example>', 'X-Last: y')).toBe(
    'Subject: x\r\nTo: "[a]" <a@x.example>\r\nX-Last: y',
  );
});

const piece = fc.constantFrom(
  ...[
    'ann@a.example',
    'Bob <bob@b.example>',
    'Smith, John <j@c.example>',
    'root',
    'Undisclosed',
    '[HP Scanner]',
    '"a, b"',
  ],
  ...[
    ' ',
    ' ',
    ',',
    ', ',
    '<',
    '>',
    '"',
    '(',
    ')',
    '[',
    ']',
    ':',
    ';',
    '@',
    '.',
    '\\',
    '\r\n ',
    '\u00e9',
    '(c@d.example)',
  ],
  ...['=?utf-8?Q?', '?=', '=?utf-8?Q?x=40evil.example?=', '=?utf-8?Q?=3Cx=40evil.example=3E?=', '=?utf-8?B?YSwgYg==?='],
);
const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

test('whatever stands in an address field: what leaves is well formed and final, and no address is made up', () => {
  fc.assert(
    fc.property(fc.constantFrom(...recipientFields, ...otherFields), value, (name, given) => {
      const line = repaired(`${name}: ${given}`);
      expect(repaired(line)).toBe(line);
      const header = HeaderBlock.parse(Buffer.from(`${line}\r\n\r\n`));
      expect(header.fields.length).toBeLessThanOrEqual(1);
      const { addresses, problems } = parseAddressList(header.get(name) ?? '');
      expect(problems).toEqual([]);
      const source = given.replace(/\r\n|["\\]/g, '');
      for (const { address } of addresses) {
        const bare = address.replace(/["\\]/g, '');
        const isGiven = parseAddressList(given).addresses.some((each) => each.address === address);
        expect(isGiven || (envelope.includes(bare) && decodedWords(source).includes(bare.split('@')[0] ?? ''))).toBe(
          true,
        );
      }
    }),
    { numRuns: 5000 },
  );
});

describe('Readers that nobody here wrote find the addresses that we find', () => {
  /** The same in each run: how readers interpret odd but valid fields is not ours to decide. */
  const leaving = fc.sample(value, { numRuns: 3000, seed: 20260105 }).flatMap((given) => {
    // Blanks around the `@` are obsolete syntax that postal-mime does not support.
    const line = /[\s)]@|@[\s(]/.test(given) ? '' : repaired(`To: ${given}`);
    return line === '' ? [] : [line];
  });
  const ours = leaving.map((line) => {
    const header = HeaderBlock.parse(Buffer.from(`${line}\r\n\r\n`));
    return parseAddressList(header.get('To') ?? '').addresses.map(({ address }) => address.replace(/["\\]/g, ''));
  });

  test('postal-mime', async () => {
    expect(leaving.length).toBeGreaterThan(1500);
    for (const [index, line] of leaving.entries()) {
      const { to = [] } = await PostalMime.parse(`${line}\r\n\r\n`);
      const flat = to.flatMap((each) => ('group' in each && each.group ? each.group : [each]));
      const theirs = flat.flatMap(({ address }) => (address ? [address.replace(/["\\]/g, '')] : []));
      expect(theirs, line).toEqual(ours[index]);
    }
  });

  test("Python's email package", (context) => {
    needProgram(context, 'python3');
    const reader = `
import email, email.policy, json, sys
found = []
for line in json.load(sys.stdin):
    field = email.message_from_string(line + '\\r\\n\\r\\n', policy=email.policy.default)['To']
    found.append([a.addr_spec for a in field.addresses])
json.dump(found, sys.stdout)`;
    const { stdout, stderr } = spawnSync('python3', ['-c', reader], {
      input: JSON.stringify(leaving),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const theirs = (JSON.parse(stdout) as string[][]).map((all) => all.map((each) => each.replace(/["\\]/g, '')));
    for (const [index, line] of leaving.entries()) expect(theirs[index], line).toEqual(ours[index]);
  });
});
