import { expect, test } from 'vitest';
import { PasswordVerifier } from '../../src/accounts/password-verifier.ts';
import { hashPassword } from '../../src/accounts/passwords.ts';
import { TestClock } from './test-clock.ts';

const hash = await hashPassword('geheim');

/** No derivation is allowed any more: answers come from memory. */
const noDerivation = { maxConcurrent: 0, maxWaiting: 0 };

test('right, wrong and unknown', async () => {
  const verifier = new PasswordVerifier();
  expect(await verifier.verify('scanner', hash, 'geheim')).toBe('right');
  expect(await verifier.verify('scanner', hash, 'falsch')).toBe('wrong');
  expect(await verifier.verify('scanner', 'geheim', 'geheim')).toBe('right');
  expect(await verifier.verify('scanner', 'geheim', 'falsch')).toBe('wrong');
  expect(await verifier.verify('nobody', undefined, '')).toBe('wrong');
});

test('every refusal costs a derivation, an unknown user and a plain password included', async () => {
  for (const stored of [hash, 'geheim', undefined, '$scrypt$damaged']) {
    expect(await new PasswordVerifier(noDerivation).verify('scanner', stored, 'falsch')).toBe('busy');
  }
});

test('a verified password is known for an hour after its last use and no longer, and for that account alone', async () => {
  const clock = new TestClock();
  const verifier = new PasswordVerifier({ clock, maxConcurrent: 1, maxWaiting: 0 });
  expect(await verifier.verify('scanner', hash, 'geheim')).toBe('right');
  const other = await hashPassword('geheim');
  // While one derivation is under way, only remembered passwords can be answered; all are asked at once.
  const whileOccupied = async (...questions: [string, string, string][]) => {
    const [, ...verdicts] = await Promise.all([
      verifier.verify('nobody', undefined, `x ${clock.nowMs}`),
      ...questions.map((question) => verifier.verify(...question)),
    ]);
    return verdicts;
  };
  clock.nowMs += 60 * 60 * 1000 - 1;
  const remembered: [string, string, string] = ['scanner', hash, 'geheim'];
  expect(
    await whileOccupied(
      remembered,
      ['printer', hash, 'geheim'],
      ['scanner', hash, 'falsch'],
      ['scanner', other, 'geheim'],
    ),
  ).toEqual(['right', 'busy', 'busy', 'busy']);
  clock.nowMs += 60 * 60 * 1000 - 1;
  expect(await whileOccupied(remembered)).toEqual(['right']);
  clock.nowMs += 60 * 60 * 1000;
  expect(await whileOccupied(remembered)).toEqual(['busy']);
});

test('a wrong password costs no derivation until five minutes after its last use, for the account and where it was tried', async () => {
  const clock = new TestClock();
  const verifier = new PasswordVerifier({ clock, maxConcurrent: 1, maxWaiting: 0 });
  expect(await verifier.verify('scanner', hash, 'falsch', '192.0.2.1')).toBe('wrong');
  const other = await hashPassword('falsch');
  const whileOccupied = async (account: string, stored: string, given: string, network: string) => {
    const busy = verifier.verify('nobody', undefined, `x ${clock.nowMs} ${account} ${given} ${network} ${stored}`);
    const verdict = await verifier.verify(account, stored, given, network);
    await busy;
    return verdict;
  };
  expect(await whileOccupied('scanner', hash, 'falsch', '192.0.2.1')).toBe('wrong');
  expect(await whileOccupied('scanner', hash, 'falsch', '192.0.2.2')).toBe('busy');
  expect(await whileOccupied('scanner', hash, 'verkehrt', '192.0.2.1')).toBe('busy');
  expect(await whileOccupied('printer', hash, 'falsch', '192.0.2.1')).toBe('busy');
  expect(await whileOccupied('scanner', other, 'falsch', '192.0.2.1')).toBe('busy');
  clock.nowMs += 5 * 60 * 1000 - 1;
  expect(await whileOccupied('scanner', hash, 'falsch', '192.0.2.1')).toBe('wrong');
  clock.nowMs += 5 * 60 * 1000 - 1;
  expect(await whileOccupied('scanner', hash, 'falsch', '192.0.2.1')).toBe('wrong');
  clock.nowMs += 5 * 60 * 1000;
  expect(await whileOccupied('scanner', hash, 'falsch', '192.0.2.1')).toBe('busy');
});

test('no more passwords are remembered than allowed; the oldest goes', async () => {
  const verifier = new PasswordVerifier({ maxRemembered: 2, maxConcurrent: 1, maxWaiting: 0 });
  for (const account of ['a', 'b', 'c']) await verifier.verify(account, hash, 'geheim');
  const busy = verifier.verify('nobody', undefined, 'x');
  expect(await Promise.all(['a', 'b', 'c'].map((account) => verifier.verify(account, hash, 'geheim')))).toEqual([
    'busy',
    'right',
    'right',
  ]);
  await busy;
});

test('two derive, some wait, the rest are told to come again', async () => {
  const verifier = new PasswordVerifier({ maxConcurrent: 2, maxWaiting: 3 });
  const guesses = Array.from({ length: 8 }, (_, index) => verifier.verify('scanner', hash, `guess ${index}`));
  const verdicts = await Promise.all(guesses);
  expect(verdicts).toEqual(['wrong', 'wrong', 'wrong', 'wrong', 'wrong', 'busy', 'busy', 'busy']);
  expect(await verifier.verify('scanner', hash, 'geheim')).toBe('right');
});

test('fifty connections of one device with the same password are one question', async () => {
  const verifier = new PasswordVerifier({ maxConcurrent: 1, maxWaiting: 0 });
  const verdicts = await Promise.all(Array.from({ length: 50 }, () => verifier.verify('scanner', hash, 'geheim')));
  expect(new Set(verdicts)).toEqual(new Set(['right']));
});

test('digests keep texts apart, and processes too', () => {
  const verifier = new PasswordVerifier();
  expect(verifier.digest('ab', 'c')).not.toBe(verifier.digest('a', 'bc'));
  expect(verifier.digest('ab', 'c')).toBe(verifier.digest('ab', 'c'));
  expect(new PasswordVerifier().digest('a')).not.toBe(verifier.digest('a'));
});
