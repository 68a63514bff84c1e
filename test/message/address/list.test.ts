import { describe, expect, it } from 'vitest';
import { type AddressItem, parseAddressItems } from '../../../src/message/address/list.ts';

/** `[words] name <address>` for an address, `words`, `words:` for a group and `;` for its end. */
function told(item: AddressItem): string {
  if (item.kind === 'group-end') return ';';
  if (item.kind === 'group') return `${item.words}:`;
  if (item.kind === 'words') return item.words;
  const { address, name } = item.parsed;
  const inside = item.inBrackets ? `<${address}>` : address;
  return `${name === undefined ? '' : `${name} `}${inside}${item.words === (name ?? '') ? '' : ` [${item.words}]`}`;
}

function read(value: string): string {
  const { items, problems } = parseAddressItems(value);
  return [items.map(told).join(' , '), ...problems].join(' | ').trim();
}

describe('The items of an address field', () => {
  it.each([
    ['a@b.c', 'a@b.c'],
    ['<a@b.c>', '<a@b.c>'],
    ['Ann B. <a@b.c>', 'Ann B. <a@b.c>'],
    ['<a@b.c> (Ann)', 'Ann <a@b.c>'],
    ['(Ann) <a@b.c>', 'Ann <a@b.c>'],
    ['(Ann) a@b.c (Bob)', 'Bob a@b.c'],
    ['Ann <a@b.c> (Bob)', 'Ann <a@b.c>'],
    ['a@b.c,(Ann) d@e.f,(Bob) <g@h.i>', 'a@b.c , Ann d@e.f , Bob <g@h.i>'],
    // Groups, RFC 5322 section 3.4.
    ['Team: a@b.c, Ann <d@e.f>; g@h.i', 'Team: , a@b.c , Ann <d@e.f> , ; , g@h.i'],
    ['Team: a@b.c;, g@h.i', 'Team: , a@b.c , ; , g@h.i'],
    ['"The Team" x:;', 'The Team x: , ;'],
    ['Team:(Ann) a@b.c;', 'Team: , Ann a@b.c , ;'],
    // Obsolete forms, section 4.4: routes, empty items, dots surrounded by blanks.
    ['Ann <@x.y,@z:a@b.c>', 'Ann <a@b.c>'],
    ['a . b @ c . d', 'a.b@c.d'],
    ['root@[ 192.0.2.1 ]', 'root@[192.0.2.1]'],
    ['""@b.c', '""@b.c'],
    ['"a"."b"@b.c', 'a.b@b.c'],
  ])('%j are %j', (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it.each([
    ['scanner', 'scanner [scanner] | no-domain'],
    ['front.desk', 'front.desk [front.desk] | no-domain'],
    ['"Front Desk" (2nd)', '2nd "Front Desk" [Front Desk] | no-domain'],
    ['Ann <scanner>', 'Ann <scanner> | no-domain'],
    ['Front Desk', 'Front Desk | not-an-address'],
    ['Ann <front desk>', 'Ann | not-an-address'],
    ['<front desk>', 'front desk | not-an-address'],
    ['<[192.0.2.1]>', '[192.0.2.1] | not-an-address'],
    ['[1]@b.c', '[1]@b.c | not-an-address'],
    ['a@b.c@d.e', 'a@b.c , @d.e | not-an-address | stray-text'],
    ['<a@b@c>', 'a@b@c | not-an-address'],
    ['a@=?utf-8?q?b?=', 'a@=?utf-8?q?b?= | not-an-address'],
    ['=?utf-8?q?a?=@b.c', '=?utf-8?q?a?=@b.c | not-an-address'],
    ['a.@b.c', '"a."@b.c | stray-text'],
    ['.a@b.c', '".a"@b.c | stray-text'],
    ['a@b..c', 'a@b..c | stray-text'],
    ['a@b.c.', 'a@b.c. | stray-text'],
    // Spaces for commas, and a name after the address.
    ['a@b.c d@e.f g@h.i', 'a@b.c , d@e.f , g@h.i | stray-text'],
    ['a@b.c Ann B', 'a@b.c | stray-text'],
    ['Ann a@b.c Bob d@e.f', 'Ann a@b.c , Bob d@e.f | stray-text'],
    ['a@b Ann', 'a@b | not-an-address'],
    ['a@b.c Ann B.', 'a@b.c | not-an-address'],
  ])('%j, some of which is none, are %j', (value, expected) => {
    expect(read(value)).toBe(expected);
  });

  it.each([
    // Brackets in odd places.
    ['a@b.c <d@e.f>', 'a@b.c <d@e.f> | stray-text'],
    ['<a@b.c> <d@e.f>', '<a@b.c> , <d@e.f> | stray-text'],
    ['<a@b.c> Ann', '<a@b.c> | stray-text'],
    ['[HP] <a@b.c>', '[HP] <a@b.c> | stray-text'],
    ['.Ann <a@b.c>', '.Ann <a@b.c> | stray-text'],
    ['Ann > a@b.c', 'Ann a@b.c | stray-text'],
    ['<a@b.c', '<a@b.c> | unterminated'],
    ['<a@b.c; d@e.f>', '<a@b.c> , d@e.f | unterminated | group | stray-text'],
    ['<a, b@c.d>', '<a> , b@c.d | unterminated | no-domain | stray-text'],
    ['<undisclosed-recipients:;>', 'undisclosed-recipients: , ; | unterminated | stray-text'],
    ['Ann <Team:a@b.c;>', 'Team: , a@b.c , ; | unterminated | stray-text'],
    // Groups that do not begin, or do not end.
    ['Team: a@b.c', 'Team: , a@b.c , ; | group'],
    ['a@b.c;', 'a@b.c | group'],
    [':a@b.c;', ': , a@b.c , ; | group'],
    ['a@b.c: d@e.f;', 'a@b.c: , d@e.f , ; | group'],
    ['<a@b.c> Team: d@e.f;', '<a@b.c> , Team: , d@e.f , ; | group'],
    ['Team: a@b.c, Sub: d@e.f;', 'Team: , a@b.c , ; , Sub: , d@e.f , ; | group'],
    ['[Team]: a@b.c;', '[Team]: , a@b.c , ; | stray-text'],
    // Only comments, which some readers turn into an address.
    ['(Ann)', '| stray-text'],
    ['a@b.c, (Ann)', 'a@b.c | stray-text'],
    ['(Ann), a@b.c', 'a@b.c | stray-text'],
    ['Team:(nobody);', 'Team: , ; | stray-text'],
  ])('%j, whose signs stand where they mean something else, are %j', (value, expected) => {
    expect(read(value)).toBe(expected);
  });
});

describe('a plain address, which is read at a glance', () => {
  it.each([
    'scanner@contoso.com',
    'a@b',
    'front-desk_2+x@mail.contoso-1.example',
    'a.b.c@d.e.f',
    'Ann <a@b.c>',
    'Front Desk <desk@contoso.com>',
    'HP LaserJet 4+ room_1-2 <printer.4@contoso.com>',
    'a..b@c',
    '.a@b',
    'a@b.',
    'a@',
    '@b',
    'Ann  Lee <a@b.c>',
    'Ann<a@b.c>',
    'Ann <a@b.c',
    'Ann <a@b.c>>',
    ' <a@b.c>',
    '<a@b.c>',
    'a@b@c',
    'a@b.c d@e.f',
    'Dr. Ann <a@b.c>',
    '=?utf-8?q?Ann?= <a@b.c>',
  ])('%j reads the same with a blank behind it, which takes the long way', (value) => {
    expect(parseAddressItems(value)).toEqual(parseAddressItems(`${value} `));
  });
});

it('gives every field its own items, however many are remembered', () => {
  const numbers = Array.from({ length: 500 }, (_, number) => number);
  for (const number of [...numbers, ...numbers.toReversed()]) {
    const name = `Scanner, floor ${number}`;
    expect(read(`"${name}" <scanner${number}@contoso.com>`)).toBe(`${name} <scanner${number}@contoso.com>`);
  }
});
