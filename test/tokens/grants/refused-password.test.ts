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
