import { expect, test } from 'vitest';
import { mayUseAddress, mayUseReversePath } from '../../src/accounts/sender-rules.ts';

const senders = ['reports@contoso.com', '*@print.contoso.com', 'jörg@müller.example'];

test.each([
  'reports@contoso.com',
  'Reports@CONTOSO.com',
  'reports@contoso.com.',
  '"reports"@contoso.com',
  '"re\\ports"@contoso.com',
  'anybody@print.contoso.com',
  '"a b"@Print.Contoso.Com',
  'JÖRG@MÜLLER.example',
  'jo\u0308rg@xn--mller-kva.example',
])('%s may be used', (address) => {
  expect(mayUseAddress(senders, address)).toBe(true);
});

test.each([
  'report@contoso.com',
  'reports@contoso.org',
  'reports@sub.contoso.com',
  'anybody@contoso.com',
  'anybody@sub.print.contoso.com',
  'anybody@xprint.contoso.com',
  'reports@contoso.com@evil.example',
  'x@evil.example@contoso.com',
  'reports@contoso.com/evil.example',
  'reports@contoso.com\\evil.example',
  'reports@contoso%2ecom',
  'reports@contoso.com?',
  'reports@contoso.com#',
  'reports@contoso.com:25',
  'reports@contoso.com ',
  'reports@con\ttoso.com',
  'reports',
  '@contoso.com',
  '@print.contoso.com',
  'reports@',
  '',
])('%j may not be used', (address) => {
  expect(mayUseAddress(senders, address)).toBe(false);
});

test("the null reverse-path is everybody's, a From address never empty", () => {
  expect(mayUseReversePath(senders, '')).toBe(true);
  expect(mayUseReversePath([], '')).toBe(true);
  expect(mayUseReversePath(senders, 'reports@contoso.com')).toBe(true);
  expect(mayUseReversePath(senders, 'evil@contoso.com')).toBe(false);
  expect(mayUseAddress(senders, '')).toBe(false);
});
