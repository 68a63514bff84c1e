import type { Courier } from '../../queue/courier.ts';

/** Puts something around every attempt of a courier. What it gives is a courier again. */
export type CourierWrapper = (courier: Courier) => Courier;
