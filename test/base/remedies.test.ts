import { expect, test } from 'vitest';
import { errorCatalogue } from '../../src/base/error-catalogue.ts';
import { loginRefusals, transactionRefusals } from '../../src/couriers/exchange-smtp/refusals.ts';
import { graphRefusals } from '../../src/couriers/graph/refusals.ts';
import { entraErrors } from '../../src/tokens/entra/errors.ts';

const known: readonly { readonly remedy?: string }[] = [
  ...Object.values(errorCatalogue),
  ...loginRefusals,
  ...transactionRefusals,
  ...graphRefusals,
  ...entraErrors.values(),
];

test('every remedy is a sentence that can follow what happened on one line of the log', () => {
  const remedies = known.flatMap(({ remedy }) => (remedy ? [remedy] : []));
  expect(remedies.length).toBeGreaterThan(150);
  expect(remedies.filter((remedy) => !/[.>]$/.test(remedy) || /^Nothing\b/.test(remedy))).toEqual([]);
});
