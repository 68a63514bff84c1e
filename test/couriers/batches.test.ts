import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBatches } from '../../src/couriers/batches.ts';
import { batchLimits } from '../../src/couriers/exchange-smtp/batch-limits.ts';

describe('planBatches', () => {
  it('puts what fits into one transaction, in its order', () => {
    const recipients = ['a@x.example', 'b@y.example'].map((address) => ({ address }));
    expect(planBatches(recipients, batchLimits)).toEqual([recipients]);
  });

  it('tells each address once, and loses none, within the limits', () => {
    const address = fc.tuple(fc.nat(700), fc.nat(3)).map(([user, domain]) => `u${user}@D${domain}.example`);
    fc.assert(
      fc.property(fc.array(address, { maxLength: 1500, minLength: 900 }), (addresses) => {
        const batches = planBatches(
          addresses.map((each) => ({ address: each })),
          batchLimits,
        );
        const told = batches.flat().map((recipient) => recipient.address);
        expect(told.sort()).toEqual([...new Set(addresses)].sort());
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(500);
          for (const domain of ['D0', 'D1', 'D2', 'D3']) {
            expect(batch.filter(({ address: each }) => each.endsWith(`@${domain}.example`)).length).toBeLessThanOrEqual(
              200,
            );
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('of nobody is nothing', () => {
    expect(planBatches([], batchLimits)).toEqual([]);
  });
});
