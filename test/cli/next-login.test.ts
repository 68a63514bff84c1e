import { expect, test } from 'vitest';
import { nextLogin } from '../../src/cli/next-login.ts';

test.each([
  [undefined, 'mailbridge login people'],
  [{ grant: 'device-code' }, 'mailbridge login people'],
  [{ grant: 'device-code', signIns: 'one' }, 'mailbridge login people'],
  [{ signIns: 'each' }, 'people sign in at /connect, or: mailbridge login people --mailbox ADDRESS'],
] as const)('for a connection with %j: %s', (connection, text) => {
  expect(nextLogin('people', connection)).toBe(text);
});
