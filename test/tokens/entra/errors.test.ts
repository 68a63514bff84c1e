import { describe, expect, test } from 'vitest';
import { entraError, entraErrors, oauthError } from '../../../src/tokens/entra/errors.ts';

/** Every number that administrators of a mail bridge are known to meet. */
const required = [
  7000215, 7000222, 7000218, 700025, 700027, 700016, 700011, 7000112, 90002, 900023, 50059, 50128, 50194, 9001023,
  700023, 70011, 28002, 700022, 1002012, 500011, 650052, 650056, 650057, 65001, 65004, 90094, 90095, 65002, 50126,
  50034, 50055, 50144, 50056, 50057, 50053, 50076, 50079, 50074, 50072, 50078, 53000, 53001, 53002, 53003, 530003,
  530032, 530035, 50105, 70016, 70018, 70019, 90119, 90120, 700082, 70008, 700084, 70043, 50173, 50133, 50132, 50196,
  90055, 90033, 90024, 501481, 54005, 50011, 700212, 70021, 9002327, 50020, 90072, 50125, 50158, 500121, 50097, 50058,
  50089, 70000, 7000229, 500200, 650053, 9002346, 500014, 900144, 50012, 5000224, 700024, 70002, 7000216, 700021,
  700211, 700213, 7000272, 70001, 500112, 900971, 50013, 50027, 70003, 65005, 650054, 50001, 90009, 90019, 90038, 50049,
  500021, 500022, 500212, 500213, 9002331, 9002332, 90124, 90130, 1002016, 28000, 28003, 90008, 90093, 90099, 9002341,
  90014, 90023, 9002313, 50064, 50135, 16000, 50014, 51004, 500208, 53004, 53011, 530004, 530036, 50131, 50155, 50187,
  80001, 80002, 80007, 50107, 20012, 70020, 50134, 700005, 9002325, 9002326, 50085, 50139, 50033, 90006, 90012, 70012,
  16003, 20001, 20033, 40008, 40009, 40010, 40015, 50000, 50002, 50005, 50008, 50087, 50088, 50127, 50129, 50140, 50143,
  50166, 50180, 50197, 50199, 53010, 54000, 70004, 80005, 80010, 80012, 80013, 80014, 90013, 90027, 90036, 90043, 90051,
  90090, 90091, 90100, 90102, 90123, 135011, 500133, 530034, 700020, 700030, 900382, 900432, 901002, 1000031,
];

/** If Microsoft uses a number for several things, its text tells which one applies. */
const variants: readonly (readonly [number, string, string])[] = [
  [70002, "The client application must be marked as 'mobile.'", 'Allow public client flows'],
  [
    70002,
    'The client does not exist or is not enabled for consumers. If you are the application developer, …',
    'personal',
  ],
  [700023, 'Client assertion audience claim does not match Realm issuer.', 'tenantId'],
  [700023, 'The provided value for the input parameter scope is not valid.', '/.default'],
  [
    700027,
    'Client assertion failed signature validation. [Reason - The key used is expired.]',
    'make a new certificate',
  ],
  [
    700027,
    'Client assertion failed signature validation. [Reason - The key was not found.]',
    'Upload this certificate',
  ],
  [50012, 'Invalid client secret is provided.', 'not its Secret ID'],
  [50012, 'Client assertion contains an invalid signature.', 'Upload this certificate'],
  [65005, "The application 'x' asked for scope 'y' that doesn't exist.", 'Remove scopes'],
];

describe('the AADSTS catalogue', () => {
  test.each(required)('knows AADSTS%i', (number) => {
    expect(entraError(number)).toBeDefined();
  });

  test.each([...entraErrors])('AADSTS%i has a cause and a remedy, each a sentence', (_number, entry) => {
    expect(['temporary', 'needs-admin', 'permanent']).toContain(entry.kind);
    expect(entry.cause).toMatch(/^[A-Z][^\n]{10,}\.$/);
    expect(entry.remedy).toMatch(/^[A-Z][^\n]{10,}[.")]+$/);
  });

  test.each(variants)('tells the meanings of AADSTS%i apart: %s', (number, said, remedy) => {
    expect(entraError(number, said)?.remedy).toContain(remedy);
  });

  test('does not make up what it does not know', () => {
    expect(entraError(1)).toBeUndefined();
  });
});

describe('an OAuth error without an AADSTS number', () => {
  test.each([
    ['consent_required', /admin consent|mailbridge consent/],
    ['interaction_required', /mailbridge login/],
    ['login_required', /mailbridge login/],
  ])('%s has a remedy', (error, remedy) => {
    expect(oauthError(error)?.remedy).toMatch(remedy);
  });

  test.each(['invalid_grant', 'toString', '', undefined])('%j says nothing by itself', (error) => {
    expect(oauthError(error)).toBeUndefined();
  });
});
