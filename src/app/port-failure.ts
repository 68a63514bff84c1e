import { BridgeError, systemErrorCode } from '../base/errors.ts';

/**
 * Why a port cannot be opened for listening, in terms an administrator can act on.
 * @param what its place in the configuration
 */
export function portFailure(error: unknown, what: string, at: { host: string; port: number } | undefined): unknown {
  const code = systemErrorCode(error);
  if (error instanceof BridgeError || code === undefined) return error;
  const where = `${what}: ${at?.host}:${at?.port}`;
  if (code === 'EADDRINUSE') {
    return new BridgeError('port-in-use', `${where} is in use by another program.`, { cause: error });
  }
  return new BridgeError('listen-failed', `${where} cannot be opened for listening (${code}).`, { cause: error });
}
