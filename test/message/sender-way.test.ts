import { expect, test } from 'vitest';
import { otherSenders, wayOf } from '../../src/message/sender-way.ts';

const others = otherSenders({
  mailbox: 'reports@contoso.com',
  senders: [
    'Reports@contoso.com',
    { address: 'sales@contoso.com', as: 'on-behalf' },
    '*@contoso.com',
    { address: '*@old.example', as: 'alias' },
  ],
});

test.each([
  ['SALES@contoso.com', 'on-behalf'],
  ['ann@contoso.com', 'send-as'],
  ['ann@OLD.example', 'alias'],
  ['ann@sub.old.example', undefined],
  ['', undefined],
])('%j: %s, by its own entry before that of its domain', (address, way) => {
  expect(wayOf(others, address)).toBe(way);
});

test('the mailbox itself is none of them, and of an address that stands twice the last entry counts', () => {
  expect(others.map(({ address }) => address)).toEqual(['sales@contoso.com', '*@contoso.com', '*@old.example']);
  const twice = ['a@contoso.com', { address: 'A@contoso.com', as: 'alias' } as const];
  expect(otherSenders({ mailbox: 'b@contoso.com', senders: twice })).toEqual([twice[1]]);
});
