import type { CourierTable } from '../../src/queue/courier.ts';

/** The couriers as the queue's tests know them: as in the registry, which the couriers' contract test checks. */
export const courierTraits: CourierTable = {
  graph: { shortName: 'Graph', parts: ['graph-token', 'graph'], concurrentPerMailbox: 4, limitsByLogin: false },
  smtp: { shortName: 'SMTP', parts: ['exchange-token', 'smtp'], concurrentPerMailbox: 3, limitsByLogin: true },
};
