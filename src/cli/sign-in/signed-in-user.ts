import { isDelegated, openConnectionStore } from '../../app/connections/tokens.ts';
import { withSharedRecords } from '../../app/instances/shared-records.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { resolveCloud } from '../../config/clouds.ts';
import { loadConfig } from '../../config/load.ts';
import type { CliIo } from '../terminal/io.ts';

/**
 * The person who has signed in for a connection, if that can be found out: the configuration may not be valid yet, or
 * the sign-in be encrypted with another key.
 * @param path of the configuration
 */
export async function signedInUser(name: string, path: string, { env }: CliIo): Promise<string | undefined> {
  try {
    const { config } = await loadConfig(path, { env });
    const connection = config.connections[name];
    if (!connection || !isDelegated(connection)) return undefined;
    const parts = {
      endpoints: resolveCloud(connection.cloud, connection.tenantId),
      clock: systemClock,
      log: silentLog,
      env,
    };
    return await withSharedRecords(config, async (shared) => {
      const store = await openConnectionStore(name, connection, config, { ...parts, shared });
      return (await store.read())?.username;
    });
  } catch (error) {
    if (error instanceof BridgeError) return undefined;
    throw error;
  }
}
