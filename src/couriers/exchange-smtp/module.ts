import type { CourierModule } from '../descriptor.ts';

export { probe } from './probe.ts';

/** One courier serves all accounts of a connection: Exchange counts their sessions together. */
export const create: CourierModule['create'] = ({ exchangeSmtp }) => exchangeSmtp;
