import { describe, expect, test } from 'vitest';
import { entraError, entraErrors } from '../../src/tokens/entra-errors.ts';

/** Every number that an administrator of a mail bridge is known to meet. */
const required = [
  7000215, 7000222, 7000218, 700025, 700027, 700016, 700011, 7000112, 90002, 900023, 50059, 50128, 50194, 9001023,
  700023, 70011, 28002, 700022, 1002012, 500011, 650052, 650056, 650057, 65001, 65004, 90094, 90095, 65002, 50126,
  50034, 50055, 50144, 50056, 50057, 50053, 50076, 50079, 50074, 50072, 50078, 53000, 53001, 53002, 53003, 530003,
  530032, 530035, 50105, 70016, 70018, 70019, 90119, 90120, 700082, 70008, 700084, 70043, 50173, 50133, 50132, 50196,
  90055, 90033, 90024, 501481, 54005, 50011, 700212, 70021, 9002327, 50020, 90072, 50125, 50158, 500121, 50097, 50058,
  50089, 70000,
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

  test('does not make up what it does not know', () => {
    expect(entraError(1)).toBeUndefined();
  });
});
