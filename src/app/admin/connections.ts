import { reachedMailboxes } from '../../accounts/account.ts';
import type { ConnectionsPort } from '../../admin/api/connections/routes.ts';
import type { ConnectionDetail } from '../../admin/api/connections/schemas.ts';
import type { ConnectionStatus } from '../../admin/api/overview/schemas.ts';
import { BridgeError } from '../../base/errors.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { AccountConfig, Connection } from '../../config/schema.ts';
import { isPattern } from '../../message/address/pattern.ts';
import { permissionStanding } from '../../onboarding/check/permissions.ts';
import { readClaims, type TokenClaims } from '../../onboarding/check/token-claims.ts';
import { consentLink } from '../../onboarding/consent-link.ts';
import { consentScopes } from '../../onboarding/consent-scopes.ts';
import { permissionsOf, resourcesOf, usesOf } from '../../onboarding/permissions.ts';
import type { BridgeState } from '../bridge-state.ts';
import { hasOwnSignIns, isDelegated } from '../connections/tokens.ts';
import type { Upstream } from '../connections/upstream.ts';
import type { Checks } from './checks.ts';
import { assertReached, connectionScript } from './exchange-scripts.ts';
import type { AskedPerson, DeviceSignIns } from './sign-ins.ts';
import { soon } from './soon.ts';

/** What connection information is built from. */
export interface ConnectionParts {
  readonly checks: Checks;
  readonly signIns: DeviceSignIns;
  state(): BridgeState;
  states(): Promise<readonly ConnectionStatus[]>;
}

/** The connections of a running bridge. */
export class BridgeConnections implements ConnectionsPort {
  readonly #parts: ConnectionParts;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  async all(): Promise<readonly ConnectionDetail[]> {
    const { config, upstreams } = this.#parts.state();
    const byConnection = Map.groupBy(config.accounts, ({ connection }) => connection);
    const states = await this.#parts.states();
    return await Promise.all(
      states.map(async (status) => {
        const connection = config.connections[status.name] as Connection;
        const accounts = byConnection.get(status.name) ?? [];
        const upstream = status.state === 'ok' ? upstreams.get(status.name) : undefined;
        return {
          ...status,
          tenantId: connection.tenantId ?? null,
          clientId: connection.clientId ?? null,
          signIns: signInsOf(connection),
          cloud: typeof connection.cloud === 'string' ? connection.cloud : 'custom',
          permissions: toldPermissions(connection, accounts, upstream && (await heldPermissions(upstream, accounts))),
          patterns: [...new Set(accounts.flatMap(reachedMailboxes).filter(isPattern))],
          usedBy: accounts.length,
        };
      }),
    );
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#parts.state().config.connections, name);
  }

  startCheck(name: string, mailbox: string | undefined): string {
    if (mailbox !== undefined) assertReached(this.#parts.state().config, name, mailbox);
    return this.#parts.checks.start(name, mailbox);
  }

  check(run: string) {
    return this.#parts.checks.get(run);
  }

  startSignIn(name: string, person: AskedPerson) {
    return this.#parts.signIns.start(name, person);
  }

  signIn(id: string) {
    return this.#parts.signIns.get(id);
  }

  exchangeScript(name: string, user: string | undefined) {
    return connectionScript(this.#parts.state(), name, user);
  }

  consentLinks(name: string): readonly string[] {
    const { config } = this.#parts.state();
    const connection = config.connections[name] as Connection;
    const { tenantId, clientId, grant } = connection;
    if (
      clientId === undefined ||
      tenantId === undefined ||
      grant === 'managed-identity' ||
      isPersonalTenant(tenantId)
    ) {
      throw new BridgeError('usage', `Connection "${name}" has no app registration that an administrator consents to.`);
    }
    const endpoints = resolveCloud(connection.cloud, tenantId);
    const accounts = config.accounts.filter((account) => account.connection === name);
    const redirectUri = ('redirectUri' in connection && connection.redirectUri) || 'http://localhost';
    const tenant = tenantId === 'common' ? 'organizations' : tenantId;
    const request = { authority: endpoints.authority, tenantId: tenant, clientId, redirectUri };
    return consentScopes(connection, accounts, endpoints).map((scopes) => consentLink({ ...request, scopes }).url);
  }
}

/** Null if nobody signs in. */
function signInsOf(connection: Connection): ConnectionDetail['signIns'] {
  if (!isDelegated(connection) || connection.grant === 'password') return null;
  return hasOwnSignIns(connection) ? 'each' : 'one';
}

/** By their names, as the Entra admin center shows them. @param held undefined: no token was issued yet */
function toldPermissions(
  { grant }: Connection,
  accounts: readonly AccountConfig[],
  held: HeldPermissions | undefined,
): ConnectionDetail['permissions'] {
  const actsAs = grant === 'client-credentials' || grant === 'managed-identity' ? 'app' : 'person';
  // Each by its first name: the alternatives do not cover all of it.
  const needed = new Map(permissionsOf(actsAs, usesOf(accounts)).map((each) => [each.anyOf[0], each]));
  const elsewhere = [...needed].filter(
    ([name, each]) => held && permissionStanding(held, { ...each, anyOf: [name] }).kind === 'in-exchange',
  );
  return {
    needed: [...needed.keys()],
    granted: held ? [...held.roles, ...held.scopes] : null,
    inExchange: elsewhere.map(([name]) => name),
  };
}

type HeldPermissions = Pick<TokenClaims, 'roles' | 'scopes'>;

/** What the existing tokens say; undefined if there are none yet, or Microsoft issues them in another form. */
async function heldPermissions(
  upstream: Upstream,
  accounts: readonly AccountConfig[],
): Promise<HeldPermissions | undefined> {
  const roles = new Set<string>();
  const scopes = new Set<string>();
  let isKnown = false;
  for (const resource of resourcesOf(usesOf(accounts))) {
    const token = await soon(upstream.getToken(resource));
    const claims = token === undefined ? undefined : readClaims(token);
    if (!claims) continue;
    isKnown = true;
    for (const each of claims.roles) roles.add(each);
    for (const each of claims.scopes) scopes.add(each);
  }
  return isKnown ? { roles: [...roles], scopes: [...scopes] } : undefined;
}
