import { leaseContract } from './lease-contract.ts';
import { MemoryLeases } from './memory-leases.ts';

leaseContract('memory', async () => {
  let nowMs = 0;
  const leases = new MemoryLeases(() => nowMs);
  return {
    table: (self) => leases.table(self),
    pass: async (ms) => {
      nowMs += ms;
    },
  };
});
