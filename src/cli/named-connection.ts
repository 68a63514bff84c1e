import type { LooseConfig } from '../app/set-up/loose-config.ts';
import { BridgeError } from '../base/errors.ts';
import { isPersonalTenant } from '../base/personal-accounts.ts';

/**
 * The connection named on a command line.
 * @throws BridgeError `usage`, `config-not-found`
 */
export function namedConnection(
  command: string,
  positionals: readonly string[],
  config: LooseConfig,
): { readonly name: string; readonly connection: Readonly<Record<string, unknown>> } {
  const remedy = `Run mailbridge ${command} --help.`;
  if (!config.exists)
    throw new BridgeError('config-not-found', `The configuration file ${config.path} does not exist.`);
  const known = Object.keys(config.connections);
  const [name = known.length === 1 ? known[0] : undefined, ...more] = positionals;
  if (more.length > 0)
    throw new BridgeError('usage', `"${command}" takes one name, but was given "${more[0]}" too.`, { remedy });
  if (name === undefined) throw new BridgeError('usage', `Which connection? ${listOf(known)}`, { remedy });
  const connection = Object.hasOwn(config.connections, name) ? config.connections[name] : undefined;
  if (connection) return { name, connection };
  throw new BridgeError('usage', `There is no connection "${name}". ${listOf(known)}`, {
    remedy: 'Name one from the configuration; mailbridge register-app makes a new one.',
  });
}

/**
 * Refuses what only makes sense for a tenant with an administrator.
 * @throws BridgeError `usage`
 */
export function assertHasTenant(name: string, { tenantId }: Readonly<Record<string, unknown>>, remedy: string): void {
  if (!isPersonalTenant(tenantId)) return;
  const text = `Connection "${name}" is for personal accounts (tenantId "${tenantId}"), which have no administrator.`;
  throw new BridgeError('usage', text, { remedy });
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'The configuration has none.' : `The configuration has ${names.join(', ')}.`;
}
