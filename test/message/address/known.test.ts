import { expect, it, test } from 'vitest';
import { KnownAddresses } from '../../../src/message/address/known.ts';
import { repairedAddresses } from '../../../src/message/address/repaired.ts';

const known = new KnownAddresses(
  ['root@x.example', 'Ann@x.example', 'ANN@X.example', 'ann@y.example', 'bob@y.example', '"front desk"@y.example'],
  'y.example',
);

it.each([
  // The account's own domain comes first.
  ['ann', 'ann@y.example'],
  ['root', 'root@x.example'],
  ['ROOT', 'root@x.example'],
  ['Bob', 'bob@y.example'],
  ['front desk', '"front desk"@y.example'],
  ['eve', undefined],
])('The word %j stands for %s', (word, address) => {
  expect(known.complete(word)).toBe(address);
});

test('A word that may be that of several stands for none of them, and of one named twice it is that one', () => {
  const several = new KnownAddresses(['a@x.example', 'a@y.example', 'b@x.example', 'B@X.example'], 'z.example');
  expect(several.complete('a')).toBeUndefined();
  expect(several.complete('b')).toBe('b@x.example');
  const three = new KnownAddresses(['a@w.example', 'a@x.example', 'a@y.example'], 'z.example');
  expect(three.complete('a')).toBeUndefined();
});

test('An address is known in any spelling', () => {
  expect(known.has('"ROOT"@X.Example')).toBe(true);
  expect(known.has('root@y.example')).toBe(false);
});

/** `name <address>` of each, and the label after a bar. */
function repaired(value: string): string {
  const { addresses, label } = repairedAddresses(value, known);
  const list = addresses.map(({ address, name }) => (name === undefined ? address : `${name} <${address}>`));
  return label === undefined ? list.join(' & ') : `${list.join(' & ')} | ${label}`;
}

it.each([
  ['Smith, Ann <a@b.example>', 'Smith, Ann <a@b.example> | Smith'],
  ['Smith, a@b.example', 'a@b.example | Smith'],
  ['Smith, Ann <a@b.example>, <c@b.example>', 'Smith, Ann <a@b.example> & c@b.example | Smith'],
  ['Smith, <a@b.example>', 'Smith <a@b.example> | Smith'],
  // What looks like an address is not a name, nor is anything before it.
  ['Smith, x@y@z, Ann <a@b.example>', 'Ann <a@b.example> | Smith'],
  ['Smith: Ann <a@b.example>', 'Ann <a@b.example> | Smith'],
  ['Team, Smith: Ann <a@b.example>;', 'Ann <a@b.example> | Team'],
  ['Ann <a\u200b@b.example>, c@b.example', 'c@b.example | Ann'],
  // Known words.
  ['root', 'root@x.example'],
  ['Boss <root>', 'Boss <root@x.example>'],
  ['Smith, root', 'root@x.example | Smith'],
  ['Smith, Boss <root>', 'Boss <root@x.example> | Smith'],
  ['eve', ' | eve'],
  ['<eve>', ' | eve'],
  ['Eve E. <eve>', ' | Eve E.'],
  ['Smith, <eve>, Ann <a@b.example>', 'Ann <a@b.example> | Smith'],
  ['Smith, eve, Ann <a@b.example>', 'Smith, eve, Ann <a@b.example> | Smith'],
  // Encoded words that contain only known addresses, and others.
  ['=?utf-8?Q?root=40x.example?=', 'root@x.example'],
  ['=?utf-8?Q?root=40x.example=2C_ann=40y.example?=', 'root@x.example & ann@y.example'],
  ['=?utf-8?Q?root=40x.example=2C_eve=40y.example?=', ''],
  ['=?utf-8?Q?no_address?= at all', ' | =?utf-8?Q?no_address?= at all'],
  // An `@` of another width looks like one to people.
  ['"eve\uff20x.example"', ''],
  ['', ''],
])('The address field %j means %j', (value, expected) => {
  expect(repaired(value)).toBe(expected);
});

test('Nobody is known where nobody is given', () => {
  expect(repairedAddresses('root, =?utf-8?Q?root=40x.example?=, a@b.example')).toEqual({
    addresses: [{ address: 'a@b.example' }],
    label: 'root',
  });
});
