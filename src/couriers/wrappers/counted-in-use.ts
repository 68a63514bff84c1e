import type { InUse } from '../../base/in-use.ts';
import type { CourierWrapper } from './wrapper.ts';

/** Counts each attempt, from its first step to its last, as under way over the connection. */
export function countedInUse(inUse: InUse): CourierWrapper {
  return (courier) => ({
    deliver: (message, signal) => inUse.during(() => courier.deliver(message, signal)),
  });
}
