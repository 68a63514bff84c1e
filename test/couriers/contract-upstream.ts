import type { HttpClient } from '../../src/base/http/client.ts';
import type { UpstreamEndpoints } from '../../src/couriers/descriptor.ts';

/**
 * What an upstream does with a message: takes it, is busy, refuses it for good, wants to be left alone for a while; or it
 * has the whole message and cuts the connection, or says nothing more.
 */
export type Behaviour = 'takes' | 'busy' | 'refuses' | 'throttles' | 'cuts' | 'falls silent';

/** An upstream in the place of Microsoft's, as the contract of the couriers needs it. */
export interface ContractUpstream {
  readonly http: HttpClient;
  readonly endpoints: UpstreamEndpoints;
  /** `host:port` */
  readonly peer: string;
  /** How long the mailbox shall rest where it throttles, in milliseconds. */
  readonly throttledMs: number;
  /** The messages taken, as they arrived. */
  taken(): readonly Buffer[];
  /** How often anybody came: requests, or connections. */
  came(): number;
  /** Nobody listens there any more. */
  vanish(): Promise<void>;
  /** Ends what is left of it. */
  close(): Promise<void>;
}

/**
 * Opens one.
 * @param onWhole called when a message has arrived whole, before it is answered
 */
export type OpenContractUpstream = (behaviour: Behaviour, onWhole?: () => void) => Promise<ContractUpstream>;

/** Where nobody listens. */
const nowhere = { host: '127.0.0.1', port: 1, security: 'none' } as const;

/** The endpoints of a Microsoft of which but one is there. */
export function endpointsWith(one: Partial<UpstreamEndpoints>): UpstreamEndpoints {
  return { graph: 'https://127.0.0.1:1', imap: nowhere, smtp: nowhere, ...one };
}
