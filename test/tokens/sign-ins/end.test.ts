import { expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { endsSignIn, signInEnded } from '../../../src/tokens/sign-ins/end.ts';

const refusal = (error: string, number?: number) =>
  new BridgeError('token-refused', 'no', { details: { error, ...(number ? { aadsts: `AADSTS${number}` } : {}) } });

/** What an administrator can fix, in the order of Microsoft's list of AADSTS codes. */
const lifted = {
  'an app or tenant that is missing or disabled': [
    50001, 50002, 90099, 500011, 500014, 500021, 500022, 650052, 650053, 650054, 650056, 650057, 7000112, 7000229,
    5000224, 1000031, 9002341,
  ],
  'a user who is locked, disabled or a guest': [50005, 50053, 50057, 500212, 500213],
  'a device that is not registered or compliant': [50097, 50127, 50129, 50131, 50155, 50187, 53000, 53001, 53002],
  'an assignment or consent that is missing': [50105, 65001, 65004, 65005, 90008, 90094, 90095],
  'a policy of Conditional Access': [53003, 53011, 530003, 530004, 530032, 530034, 530035],
};

test.each(Object.entries(lifted))('%s does not end a sign-in: nobody has to sign in again for it', (_, numbers) => {
  for (const number of numbers) {
    expect(endsSignIn(refusal('invalid_grant', number)), String(number)).toBe(false);
    expect(endsSignIn(refusal('interaction_required', number)), String(number)).toBe(false);
  }
});

test.each([50076, 50078, 50079, 50173, 70008, 700082, 700084, 70043])('AADSTS%i ends a sign-in', (number) => {
  for (const error of ['invalid_grant', 'interaction_required', 'login_required'])
    expect(endsSignIn(refusal(error, number))).toBe(true);
  expect(endsSignIn(refusal('invalid_client', number))).toBe(false);
});

test('a refusal without a number ends a sign-in, a fault of the network or of a program does not', () => {
  expect(endsSignIn(refusal('invalid_grant'))).toBe(true);
  expect(endsSignIn(new BridgeError('upstream-unreachable', 'no', { details: { error: 'invalid_grant' } }))).toBe(
    false,
  );
  expect(endsSignIn(new TypeError('invalid_grant'))).toBe(false);
});

test.each(['AADSTS50173', 'AADSTS700082', 'AADSTS50076', undefined])(
  'the remedy of a sign-in that ended with %s is the command, with the name of the connection',
  (aadsts) => {
    const signIn = { username: 'alice@contoso.example' } as Parameters<typeof signInEnded>[1];
    const { remedy } = signInEnded('home', signIn, { atMs: 0, cause: 'It ended.', ...(aadsts ? { aadsts } : {}) });
    expect(remedy.match(/"mailbridge login[^"]*"/g)).toEqual(['"mailbridge login home"']);
  },
);
