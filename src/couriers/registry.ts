import type { CourierKind } from '../message/courier-kind.ts';
import type { CourierDescriptor } from './descriptor.ts';
import { exchangeSmtpDescriptor } from './exchange-smtp/descriptor.ts';
import { graphDescriptor } from './graph/descriptor.ts';

/** The couriers, each described in its folder. */
export const couriers: Readonly<Record<CourierKind, CourierDescriptor>> = {
  graph: graphDescriptor,
  smtp: exchangeSmtpDescriptor,
};
