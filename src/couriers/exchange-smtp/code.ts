import type { CourierCode } from '../descriptor.ts';

export { probe } from './probe.ts';

/** One serves all accounts of a connection: Exchange counts their sessions together. */
export const create: CourierCode['create'] = ({ exchangeSmtp }) => exchangeSmtp;
