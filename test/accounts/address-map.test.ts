import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AddressMap } from '../../src/accounts/address-map.ts';

const map = new AddressMap({
  'old@contoso.com': 'new@contoso.com',
  'new@contoso.com': 'newest@contoso.com',
  '*@old.example': '*@new.example',
  'boss@old.example': 'ceo@contoso.com',
  '*@lab.local': 'ops@contoso.com',
  '*@müller.example': '*@größe.example',
});

test.each([
  ['old@contoso.com', 'new@contoso.com'],
  ['OLD@Contoso.COM', 'new@contoso.com'],
  ['"old"@contoso.com', 'new@contoso.com'],
  ['old@contoso.com.', 'new@contoso.com'],
  ['Ann.B@old.example', 'Ann.B@new.example'],
  ['"front desk"@OLD.example', '"front desk"@new.example'],
  ['boss@old.example', 'ceo@contoso.com'],
  ['anybody@lab.local', 'ops@contoso.com'],
  ['max@xn--mller-kva.example', 'max@xn--gre-6ka8i.example'],
  ['jos\u00e9@m\u00fcller.example', 'jos\u00e9@xn--gre-6ka8i.example'],
])('%s becomes %s, once', (address, anew) => {
  expect(map.replacement(address)).toBe(anew);
});

test.each([
  'ann@contoso.com',
  'ann@sub.old.example',
  'ann@xold.example',
  'old',
  '',
  '@old.example',
  'newest@contoso.com',
])('%j stays', (address) => expect(map.replacement(address)).toBeUndefined());

test('a rule that gives an address itself changes nothing', () => {
  expect(new AddressMap({ '*@a.example': 'ops@a.example' }).replacement('ops@a.example')).toBeUndefined();
});

test('without rules nothing changes', () => {
  fc.assert(fc.property(fc.string(), (address) => void expect(new AddressMap().replacement(address)).toBeUndefined()));
});
