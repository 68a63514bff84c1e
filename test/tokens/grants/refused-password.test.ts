import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { RefusedPassword } from '../../../src/tokens/grants/refused-password.ts';
import { JumpingClock } from '../jumping-clock.ts';

const minutes = 60_000;
const wrong = new BridgeError('token-refused', 'Wrong password.', { details: { aadsts: 'AADSTS50126' } });

function refused() {
  const clock = new JumpingClock();
  const memory = new RefusedPassword(clock);
  memory.remember('an-old-password', wrong);
  return { clock, memory };
}

test('a refused password is not tried again for 15 minutes, another one is', () => {
  const { clock, memory } = refused();
  memory.assertNot('a-new-password');
  clock.advance(15 * minutes - 1);
  expect(() => memory.assertNot('an-old-password')).toThrow(wrong);
  clock.advance(1);
  memory.assertNot('an-old-password');
});

test('nor for longer when the clock is set back', () => {
  const { clock, memory } = refused();
  clock.advance(-24 * 60 * minutes);
  memory.assertNot('an-old-password');
});

test.each([
  ['AADSTS50034', 'no such user', true],
  ['AADSTS50053', 'a locked user', true],
  ['AADSTS50055', 'an expired password', true],
  ['AADSTS50056', 'a user without a password', true],
  ['AADSTS50057', 'a disabled user', true],
  ['AADSTS50126', 'a wrong password', true],
  ['AADSTS50144', 'an expired password of Active Directory', true],
  ['AADSTS50076', 'a second factor', false],
  ['AADSTS90033', 'an outage', false],
])('%s (%s) keeps the password from being sent again: %s', (aadsts, _, isRemembered) => {
  const memory = new RefusedPassword(new JumpingClock());
  const error = new BridgeError('token-refused', 'No.', { details: { aadsts } });
  memory.remember('secret', error);
  if (isRemembered) expect(() => memory.assertNot('secret')).toThrow(error);
  else memory.assertNot('secret');
});
