import type { HttpClient } from '../../src/base/http/client.ts';
import type { UpstreamEndpoints } from '../../src/couriers/descriptor.ts';

/**
 * How an upstream treats a message: it accepts it, is busy, refuses it permanently, or asks to be left alone for a
 * while; or it has the whole message and cuts the connection, or stops answering.
 */
export type Behaviour = 'takes' | 'busy' | 'refuses' | 'throttles' | 'cuts' | 'falls silent';

/** An upstream in place of Microsoft's, for the contract of the couriers. */
export interface ContractUpstream {
  readonly http: HttpClient;
  readonly endpoints: UpstreamEndpoints;
  /** `host:port` */
  readonly peer: string;
  /** How long a throttled mailbox must pause, in milliseconds. */
  readonly throttledMs: number;
  /** The messages accepted, as they arrived. */
  taken(): readonly Buffer[];
  /** The number of requests or connections. */
  came(): number;
  /** Stops listening. */
  vanish(): Promise<void>;
  /** Closes what is left of it. */
  close(): Promise<void>;
}

/**
 * Opens one.
 * @param onWhole called when a whole message has arrived, before the answer
 */
export type OpenContractUpstream = (behaviour: Behaviour, onWhole?: () => void) => Promise<ContractUpstream>;

/** Nothing listens there. */
const nowhere = { host: '127.0.0.1', port: 1, security: 'none' } as const;

/** The endpoints of a Microsoft of which only one exists. */
export function endpointsWith(one: Partial<UpstreamEndpoints>): UpstreamEndpoints {
  return { graph: 'https://127.0.0.1:1', imap: nowhere, smtp: nowhere, ...one };
}
