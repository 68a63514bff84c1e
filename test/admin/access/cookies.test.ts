import { expect, test } from 'vitest';
import { type CookieKind, cookieValues, endCookie, setCookie } from '../../../src/admin/access/cookies.ts';

const kind: CookieKind = { name: 'mailbridge_x', path: '/connect', sameSite: 'Lax', maxAgeSeconds: 600 };

test('on this machine, without https, a cookie goes to its path alone', () => {
  expect(setCookie(kind, 'a', false)).toBe('mailbridge_x=a; Path=/connect; Max-Age=600; HttpOnly; SameSite=Lax');
  expect(endCookie(kind, false)).toBe('mailbridge_x=; Path=/connect; Max-Age=0; HttpOnly; SameSite=Lax');
  expect(cookieValues('mailbridge_x=a; __Host-mailbridge_x=b', kind, false)).toEqual(['a']);
});

test('over https nobody but this host sets it, and it is taken back as it was set', () => {
  expect(setCookie(kind, 'a', true)).toBe('__Host-mailbridge_x=a; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure');
  expect(endCookie(kind, true)).toBe('__Host-mailbridge_x=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure');
  expect(cookieValues('mailbridge_x=a; __Host-mailbridge_x=b', kind, true)).toEqual(['b']);
});
