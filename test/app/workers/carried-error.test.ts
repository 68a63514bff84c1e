import { deserialize, serialize } from 'node:v8';
import { expect, test } from 'vitest';
import { carriedError, errorOf } from '../../../src/app/workers/carried-error.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { loggableError } from '../../../src/base/log.ts';
import { MailStoreError } from '../../../src/mailbox/mail-store.ts';

/** The error as the other process receives it. */
const crossed = (error: unknown) => errorOf(deserialize(serialize(carriedError(error))));

test('an error of the bridge arrives as it was, for logs and for replies', () => {
  const cause = new Error('socket hang up', { cause: new Error('ECONNRESET') });
  const error = new BridgeError('token-refused', 'No token.', {
    kind: 'temporary',
    remedy: 'Wait.',
    details: { connection: 'contoso', codes: ['AADSTS7000222'] },
    cause,
  });
  const there = crossed(error);
  expect(there).toBeInstanceOf(BridgeError);
  expect(there).toMatchObject({ code: 'token-refused', kind: 'temporary', remedy: 'Wait.', message: 'No token.' });
  expect(loggableError(there)).toEqual(loggableError(error));
  expect(loggableError(there).causes).toEqual(['socket hang up', 'ECONNRESET']);
});

test('a refusal of a mail store arrives with what is behind it', () => {
  const cause = new BridgeError('maildrop-in-use', 'It is open.');
  const there = crossed(new MailStoreError('in-use', 'It is open.', { cause }));
  expect(there).toBeInstanceOf(MailStoreError);
  expect(there).toMatchObject({ code: 'in-use', cause: { code: 'maildrop-in-use' } });
});

test('an error nobody foresaw arrives with its stack, and so does what is none', () => {
  const error = new TypeError('x is not a function');
  expect(loggableError(crossed(error))).toEqual(loggableError(error));
  expect(crossed('thrown').message).toBe('thrown');
});

test('of a chain of causes that has no end, as many arrive as the log shows', () => {
  const error: Error & { cause?: unknown } = new Error('again');
  error.cause = error;
  expect(loggableError(crossed(error)).causes).toEqual(Array(5).fill('again'));
});
