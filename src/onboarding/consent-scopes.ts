import { type CloudScopes, delegatedScopes } from '../tokens/entra/scopes.ts';
import { type CopyKeeper, delegatedNames, usesOf } from './permissions.ts';

/** What of a connection says what it asks for. */
export interface ConsentedConnection {
  readonly grant?: unknown;
  readonly scopes?: unknown;
}

/** The scopes of each link for an administrator: one of them serves one resource. */
export function consentScopes(
  connection: ConsentedConnection,
  accounts: readonly CopyKeeper[],
  cloud: CloudScopes,
): (readonly string[])[] {
  const uses = usesOf(accounts);
  if (connection.grant === 'client-credentials') {
    // What the registration lists, of every resource: Microsoft reads `.default` of any of them so.
    return [[uses.read.some((read) => read !== 'graph') ? cloud.exchangeScope : cloud.graphScope]];
  }
  const configured = Array.isArray(connection.scopes) ? (connection.scopes as string[]) : undefined;
  const wanted = Object.values(delegatedScopes(delegatedNames(uses, { shared: false }), cloud, configured));
  return wanted.length > 0 ? wanted : [[cloud.graphScope]];
}
