import { expect, test } from 'vitest';
import { httpFailure } from '../../../src/base/http/failure.ts';

const failed = (code: string, more: object = {}, said = code) =>
  (httpFailure(Object.assign(new Error(said), { code, ...more }), 'smtp.example:587') as Error).message;

test('a host that refuses is named once', () => {
  const own = { address: 'smtp.example', port: 587 };
  expect(failed('ECONNREFUSED')).toBe('smtp.example:587 refused the connection (ECONNREFUSED).');
  expect(failed('ECONNREFUSED', own)).toBe('smtp.example:587 refused the connection (ECONNREFUSED).');
  expect(failed('ENETUNREACH')).toBe('smtp.example:587 cannot be reached (ENETUNREACH).');
});

test('the address that was tried is named where it is another than the host', () => {
  const tried = { address: '192.0.2.1', port: 587 };
  expect(failed('ECONNREFUSED', tried)).toBe(
    'smtp.example:587 cannot be reached: 192.0.2.1:587 refused the connection (ECONNREFUSED).',
  );
  expect(failed('EHOSTUNREACH', tried)).toBe(
    'smtp.example:587 cannot be reached: this machine has no route to 192.0.2.1:587 (EHOSTUNREACH).',
  );
});

test('a name that cannot be resolved is told without the port', () => {
  expect(failed('ENOTFOUND')).toBe('The name smtp.example cannot be resolved (ENOTFOUND).');
});

test('an untrusted certificate comes without advice on the command line of Node.js, and says its code once', () => {
  const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  const said =
    'unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca';
  expect(failed(code, {}, said)).toBe(
    `The certificate of smtp.example:587 is not trusted: unable to verify the first certificate (${code}).`,
  );
  expect(failed(code)).toBe(`The certificate of smtp.example:587 is not trusted (${code}).`);
});
