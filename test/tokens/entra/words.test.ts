import { expect, test } from 'vitest';
import { clockRemedy } from '../../../src/tokens/entra/clock-remedy.ts';
import { aadstsNumber, entraWords } from '../../../src/tokens/entra/words.ts';
import { tokenError } from '../../../src/tokens/token-error.ts';
import { entraErrorAnswer } from './error-answer.ts';

const times =
  'Current time: 2026-11-29T07:00:05.0738042Z, assertion valid from 2026-11-29T04:50:00.0000000Z, expiry time of assertion 2026-11-29T05:00:00.0000000Z.';

test('a clock that is wrong is told with its own time, that of Microsoft, and the validity of the assertion', () => {
  const text = `Client assertion is not within its valid time range. ${times} Review the documentation at https://learn.microsoft.com/x .`;
  const answer = entraErrorAnswer(700024, 'invalid_client', text);
  const error = tokenError({
    connection: 'contoso',
    thrown: undefined,
    failure: {
      kind: 'answer',
      host: 'login.example',
      status: 401,
      contentType: 'application/json',
      retryAfter: undefined,
      requestId: undefined,
      body: { error: answer.error, errorDescription: answer.error_description, errorCodes: answer.error_codes },
    },
    nowMs: Date.parse('2026-11-29T04:50:10Z'),
  });
  expect(error.message).toBe(
    'Microsoft Entra ID refuses connection "contoso" a token. The clock of this machine is wrong: the assertion that it ' +
      `signed with its certificate is not valid at this time. Microsoft says: AADSTS700024: Client assertion is not within its valid time range. ${times}`,
  );
  expect(error.remedy).toBe(
    'Set the clock of this machine: it says 2026-11-29T04:50:10Z, that of Microsoft 2026-11-29T07:00:05Z, and the ' +
      'assertion is valid from 2026-11-29T04:50:00Z until 2026-11-29T05:00:00Z. If the clock is right and ' +
      'clientAssertionFile is used, have its assertion renewed.',
  );
});

test.each([
  [
    'Current time: 2026-11-29T07:00:05Z, assertion valid from 2026-11-29T04:50:00Z.',
    ', and the assertion is valid from 2026-11-29T04:50:00Z',
  ],
  [
    'Current time: 2026-11-29T07:00:05Z, expiry time of assertion 2026-11-29T05:00:00Z.',
    ', and the assertion is valid until 2026-11-29T05:00:00Z',
  ],
  ['CURRENT TIME: 2026-11-29T07:00:05.123Z.', ''],
])('of a wrong clock the remedy names the times that Microsoft does: %s', (said, validity) => {
  expect(clockRemedy(said, Date.parse('2026-11-29T04:50:10Z'))).toBe(
    `Set the clock of this machine: it says 2026-11-29T04:50:10Z, that of Microsoft 2026-11-29T07:00:05Z${validity}. ` +
      'If the clock is right and clientAssertionFile is used, have its assertion renewed.',
  );
});

test('where Microsoft names no time of its own there is no remedy with times', () => {
  expect(clockRemedy('valid from 2026-11-29T04:50:00Z', 0)).toBeUndefined();
});

test.each([
  ['AADSTS1: One. Two says more. Trace ID: a Correlation ID: b Timestamp: c', 'One. Two says more.'],
  ["AADSTS65001: 'x' at contoso.example is unknown. Please contact your admin.", "'x' at contoso.example is unknown."],
  ['AADSTS1: It ends.\r\nTrace ID: a\r\nCorrelation ID: b\r\nTimestamp: c', 'It ends.'],
  ['Contact the app vendor.', 'Contact the app vendor.'],
  [undefined, undefined],
])('of %j the words that help are kept', (description, words) => {
  expect(entraWords(description)).toBe(words);
});

test('words are bounded', () => {
  expect(entraWords(`AADSTS1: ${'x'.repeat(5000)}`)).toHaveLength(601);
});

test.each<[string, number[], number | undefined]>([
  ['AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.', [70002, 50012], 50012],
  ['AADSTS7654321: Something new.', [7654321], 7654321],
  ['Something else.', [50076], 50076],
  ['Something else.', [], undefined],
])('of %j the most precise number counts', (description, codes, number) => {
  expect(aadstsNumber(description, codes)).toBe(number);
});
