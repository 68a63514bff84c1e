import { expect, test } from 'vitest';
import { errorCatalogue } from '../../src/base/error-catalogue.ts';
import { couriers } from '../../src/couriers/registry.ts';
import { entraErrors } from '../../src/tokens/entra/errors.ts';

const known: readonly { readonly remedy?: string }[] = [
  ...Object.values(errorCatalogue),
  ...Object.values(couriers).flatMap(({ refusals }) => refusals.flatMap(({ rows }) => rows.map(([, row]) => row))),
  ...entraErrors.values(),
];

test('every remedy is a sentence that can follow what happened on one line of the log', () => {
  const remedies = known.flatMap(({ remedy }) => (remedy ? [remedy] : []));
  expect(remedies.length).toBeGreaterThan(150);
  expect(remedies.filter((remedy) => !/[.>]$/.test(remedy) || /^Nothing\b/.test(remedy))).toEqual([]);
});
