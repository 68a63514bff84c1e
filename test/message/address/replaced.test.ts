import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalizeAddress, parseAddressList } from '../../../src/message/address/address.ts';
import { withReplacedAddresses } from '../../../src/message/address/replaced.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';

const rules = new Map([
  ['old@a.example', 'new@b.example'],
  ['"front desk"@a.example', '"back desk"@b.example'],
  ['max@xn--mller-kva.example', 'moritz@b.example'],
]);

function replaced(field: string, replace = (address: string) => rules.get(normalizeAddress(address))) {
  const [parsed] = HeaderBlock.parse(Buffer.from(field)).fields;
  if (!parsed) throw new Error('no field');
  return withReplacedAddresses(parsed, replace)?.toString();
}

describe('an address field with other addresses', () => {
  test.each([
    ['To: old@a.example', 'To: new@b.example'],
    ['to:OLD@A.Example', 'to:new@b.example'],
    ['To: Ann Old <old@a.example>', 'To: Ann Old <new@b.example>'],
    ['To: "Old, Ann" <old@a.example>, Bo <bo@a.example>', 'To: "Old, Ann" <new@b.example>, Bo <bo@a.example>'],
    ['To: "old@a.example" <old@a.example>', 'To: "old@a.example" <new@b.example>'],
    ['To: =?utf-8?Q?Anna_M=C3=BCller?= <old@a.example>', 'To: =?utf-8?Q?Anna_M=C3=BCller?= <new@b.example>'],
    ['To: Anna Müller <old@a.example>', 'To: Anna Müller <new@b.example>'],
    [
      'To: Anna Müller\r\n <old@a.example>,\r\n\tbo@a.example',
      'To: Anna Müller\r\n <new@b.example>,\r\n\tbo@a.example',
    ],
    [
      'To: Team: old@a.example, bo@a.example; , old@a.example',
      'To: Team: new@b.example, bo@a.example; , new@b.example',
    ],
    ['To: (one) old@a.example (two)', 'To: (one) new@b.example (two)'],
    ['To: old (within) @ a.example', 'To: new@b.example (within)'],
    ['To: <old@a.example>(old@a.example)', 'To: <new@b.example>(old@a.example)'],
    ['To: <@route.example,@x.example:old@a.example>', 'To: <@route.example,@x.example:new@b.example>'],
    ['To: "old"@a.example, "front desk"@a.example', 'To: new@b.example, "back desk"@b.example'],
    ['To: max@müller.example', 'To: moritz@b.example'],
  ])('%j becomes %j', (before, after) => {
    expect(replaced(`${before}\r\n`)).toBe(`${after}\r\n`);
  });

  test.each(['To: ann@a.example', 'To: "old@a.example" <ann@a.example>', 'To: old', 'To:', 'To: undisclosed:;'])(
    '%j stays',
    (field) => expect(replaced(`${field}\r\n`)).toBeUndefined(),
  );

  test('with a line that grew too long has a line for each address', () => {
    const many = Array.from({ length: 40 }, (_, index) => `old${index}@a.example`).join(', ');
    const field = replaced(`To: ${many}\r\n`, (address) =>
      address.replace('@a.example', `@${'long.'.repeat(10)}example`),
    );
    expect(field?.split('\r\n').every((line) => line.length < 100)).toBe(true);
    expect(parseAddressList(field?.slice('To:'.length) ?? '').addresses).toHaveLength(40);
  });

  const words = fc.constantFrom(
    ...[
      'Ann',
      '"A, b"',
      '=?utf-8?Q?M=C3=BCller?=',
      'Müller',
      '(x)',
      ',',
      ';',
      'Team:',
      '\r\n ',
      ' ',
      '<',
      '>',
      '"',
      '(',
    ],
    ...['old@a.example', 'bo@a.example', '<old@a.example>', 'a.b@c.example', '=?x?q?<o@a.example>?=', '\u00e0', '\\'],
  );
  test('whatever the field: the same addresses but for those replaced, and nothing else without any', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), (pieces) => {
        const value = pieces.join(' ');
        const said = HeaderBlock.parse(Buffer.from(`To: ${value}\r\n`)).get('To') ?? '';
        const { addresses: before, problems } = parseAddressList(said);
        const wanted = before.map(({ address }) => rules.get(normalizeAddress(address)) ?? address);
        const after = replaced(`To: ${value}\r\n`);
        const hasOld = before.some(({ address }) => rules.has(normalizeAddress(address)));
        if (!hasOld) {
          expect(after).toBeUndefined();
          return;
        }
        const [field, ...others] = HeaderBlock.parse(Buffer.from(after ?? '')).fields;
        expect(others).toEqual([]);
        expect(parseAddressList(field?.value() ?? '').addresses.map(({ address }) => address)).toEqual(wanted);
        if (problems.length === 0) expect(after?.replaceAll('new@b.example', 'old@a.example')).toBe(`To: ${value}\r\n`);
      }),
      { numRuns: 2000 },
    );
  });
});
