import { expect, test } from 'vitest';
import { BridgeError } from '../../../../../src/base/errors.ts';
import { errorOfWire, wiredError } from '../../../../../src/queue/stores/sqlite/link/wire.ts';

/** What another thread gets of it. */
const across = (error: unknown) => errorOfWire(structuredClone(wiredError(error)));

test('an error of ours crosses with all that it says, and its cause', () => {
  const cause = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10, errstr: 'I/O' });
  const ours = new BridgeError('queue-full', 'Full.', {
    kind: 'permanent',
    remedy: 'Tidy.',
    details: { at: 1 },
    cause,
  });
  const there = across(ours);
  expect(there).toBeInstanceOf(BridgeError);
  expect(there).toMatchObject({ code: 'queue-full', message: 'Full.', kind: 'permanent', remedy: 'Tidy.' });
  expect((there as BridgeError).details).toEqual({ at: 1 });
  expect(there.cause).toMatchObject({
    message: 'disk I/O error',
    code: 'ERR_SQLITE_ERROR',
    errcode: 10,
    errstr: 'I/O',
  });
  expect(there.stack).toBe('BridgeError: Full.');
  expect('cause' in across(new BridgeError('queue-full', 'Full.'))).toBe(false);
});

test('one of the system crosses with its facts, and nothing else that it holds', () => {
  const facts = { code: 'ENOENT', errno: -2, syscall: 'open', path: '/a', dest: '/b' };
  const there = across(Object.assign(new TypeError('gone'), facts, { secret: 'x', syscalls: {} }));
  expect({ ...there }).toEqual({ ...facts, name: 'TypeError' });
  expect([there.name, there.message, there.stack]).toEqual(['TypeError', 'gone', 'TypeError: gone']);
  expect('cause' in there).toBe(false);
  expect({ ...across(Object.assign(new Error('x'), { code: {} })) }).toEqual({ name: 'Error' });
});

test('what is thrown and is no error crosses as its text', () => {
  expect(across('gone')).toMatchObject({ name: 'Error', message: 'gone' });
  expect(across(undefined).message).toBe('undefined');
});
