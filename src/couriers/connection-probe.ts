import type { ConnectionPart, ConnectionTrouble } from '../message/delivery.ts';
import type { TokenResource } from '../tokens/token-source.ts';
import type { UpstreamAccess } from './descriptor.ts';
import { couriers } from './registry.ts';
import { tokenFailure } from './verdict.ts';

/** What a probe of a connection needs. */
export interface ConnectionProbeOptions extends UpstreamAccess {
  /** Asks Microsoft even if a failure is remembered. */
  getToken(resource: TokenResource): Promise<unknown>;
}

/**
 * Checks whether the trouble of a part of a connection is over, as far as that shows without a message: a token can be
 * had, the host answers. Never rejects.
 */
export async function probeConnection(
  part: ConnectionPart,
  options: ConnectionProbeOptions,
): Promise<ConnectionTrouble | undefined> {
  if (part === 'graph-token') return probeToken(part, options.getToken('graph'));
  if (part === 'exchange-token') return probeToken(part, options.getToken('exchange'));
  const { probe } = await couriers[part].load();
  return probe(options);
}

function probeToken(part: ConnectionPart, token: Promise<unknown>): Promise<ConnectionTrouble | undefined> {
  return token.then(
    () => undefined,
    (error: unknown) => tokenFailure(error, part).trouble,
  );
}
