import { type CloudScopes, delegatedScopes } from '../tokens/entra/scopes.ts';
import { type CopyKeeper, delegatedNames, usesOf } from './permissions.ts';

/** The parts of a connection that determine what it asks for. */
export interface ConsentedConnection {
  readonly grant?: unknown;
  readonly scopes?: unknown;
}

/** The scopes of each link for an administrator, each for one resource. */
export function consentScopes(
  connection: ConsentedConnection,
  accounts: readonly CopyKeeper[],
  cloud: CloudScopes,
): (readonly string[])[] {
  const uses = usesOf(accounts);
  if (connection.grant === 'client-credentials') {
    // Everything the registration lists, for every resource: Microsoft interprets any `.default` like that.
    return [[uses.read.some((read) => read !== 'graph') ? cloud.exchangeScope : cloud.graphScope]];
  }
  const configured = Array.isArray(connection.scopes) ? (connection.scopes as string[]) : undefined;
  const wanted = Object.values(delegatedScopes(delegatedNames(uses, { shared: false }), cloud, configured));
  return wanted.length > 0 ? wanted : [[cloud.graphScope]];
}
