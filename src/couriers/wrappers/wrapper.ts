import type { Courier } from '../../queue/courier.ts';

/** Wraps every attempt of a courier. The result is a courier again. */
export type CourierWrapper = (courier: Courier) => Courier;
