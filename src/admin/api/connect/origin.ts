import type { FastifyRequest } from 'fastify';
import type { ConnectPort } from '../../connect/port.ts';

/** Where a caller reaches this server. */
export function originOf(
  { publicUrl }: Pick<ConnectPort, 'publicUrl'>,
  { protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>,
): string {
  return publicUrl ?? `${protocol}://${host}`;
}
