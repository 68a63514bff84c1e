import { BridgeError } from '../../../base/errors.ts';
import type { TokenResource } from '../../../tokens/token-source.ts';
import { resourceAppIds } from '../../permissions.ts';
import type { CheckOperations } from '../operations.ts';
import { grantRemedy, permissionFor, permissionStanding } from '../permissions.ts';
import { type CheckedConnection, resourceOf, type Use } from '../subject.ts';
import { readClaims, type TokenClaims } from '../token-claims.ts';
import type { Finding, Hop } from './hop.ts';

/** The claims of the tokens issued so far, for later hops. */
export type SeenTokens = Map<TokenResource, TokenClaims>;

/** Microsoft's own names for the two resources, besides those in the connection's scopes. */
const audiences: Readonly<Record<TokenResource, readonly string[]>> = {
  graph: [resourceAppIds.graph, 'https://graph.microsoft.com'],
  exchange: [
    resourceAppIds.exchange,
    'https://outlook.office365.com',
    'https://outlook.office.com',
    'https://ps.outlook.com',
  ],
};

const resourceNames: Readonly<Record<TokenResource, string>> = {
  graph: 'Microsoft Graph',
  exchange: 'Exchange Online',
};

/** Error codes of Entra ID that go away once a recent registration has arrived everywhere. */
const arriving = new Set(['AADSTS700016', 'AADSTS700027', 'AADSTS65001', 'AADSTS700011', 'AADSTS7000229']);

/** Requests a token for a resource, and compares its claims with the configuration. */
export function tokenHop(
  connection: CheckedConnection,
  resource: TokenResource,
  operations: Pick<CheckOperations, 'getToken' | 'now'>,
  seen: SeenTokens,
  needs: readonly string[],
): Hop {
  return {
    key: `token ${resource}`,
    name: 'token',
    target: resourceNames[resource],
    accounts: [],
    needs,
    run: async () => {
      const token = await operations.getToken(resource).catch((error: unknown) => {
        throw named(error, connection.name);
      });
      const claims = readClaims(token);
      if (claims === undefined) return { detail: 'not a readable token, so nothing to compare' };
      assertFits(connection, resource, claims, operations.now());
      seen.set(resource, claims);
      return findingOf(connection, claims);
    },
  };
}

/** Whether the token has the permission that a use needs. */
export function permissionHop(connection: CheckedConnection, use: Use, seen: SeenTokens): Hop {
  const needed = permissionFor(connection, use);
  const resource = resourceOf(use);
  const [permission = ''] = needed.anyOf;
  return {
    key: `permission ${use.kind} ${use.by}`,
    name: 'permission',
    target: permission,
    accounts: [],
    needs: [`token ${resource}`],
    run: async () => {
      const claims = seen.get(resource);
      if (claims === undefined) return { notApplicable: 'the token cannot be read; the mailbox decides' };
      const standing = permissionStanding(claims, needed);
      if (standing.kind === 'held') {
        return standing.permission === permission ? {} : { detail: `${standing.permission} serves` };
      }
      if (standing.kind === 'in-exchange') {
        return { notApplicable: `not in the token; the Exchange role "${standing.role}" may serve instead` };
      }
      throw new BridgeError('permission-missing', `The token for ${resourceNames[resource]} lacks ${permission}.`, {
        remedy: grantRemedy(connection, needed),
        details: { spreading: true },
      });
    },
  };
}

/** The error with the connection's name in its commands, so that they can be copied. */
function named(error: unknown, connection: string): unknown {
  if (!(error instanceof BridgeError)) return error;
  const remedy = error.remedy.replace(/"mailbridge (login|consent)"/g, `"mailbridge $1 ${connection}"`);
  const { aadsts } = error.details;
  return new BridgeError(error.code, error.message, {
    kind: error.kind,
    remedy,
    cause: error.cause,
    details: { ...error.details, ...(typeof aadsts === 'string' && arriving.has(aadsts) && { spreading: true }) },
  });
}

function assertFits(connection: CheckedConnection, resource: TokenResource, claims: TokenClaims, nowMs: number): void {
  const wanted = resource === 'graph' ? connection.graphScope : connection.exchangeScope;
  const fitting = [...audiences[resource], new URL(wanted).origin];
  const audience = claims.aud.replace(/\/+$/, '').toLowerCase();
  const other = resource === 'graph' ? 'exchange' : 'graph';
  if (!audiences[resource].includes(audience) && (!fitting.includes(audience) || audiences[other].includes(audience))) {
    throw unfit(
      `The token is for ${claims.aud}, not for ${resourceNames[resource]}.`,
      `Remove scopes from the connection, and ${resource}Scope from its cloud: without them the right one is asked for.`,
    );
  }
  if (isOther(connection.clientId, claims.appid)) {
    throw unfit(
      `The token is for the app ${claims.appid}, not for ${connection.clientId}.`,
      connection.actsAs === 'person' ? signInAgain(connection) : 'Check cloud (authority) of the connection.',
    );
  }
  if (isGuid(connection.tenantId) && isOther(connection.tenantId, claims.tid)) {
    throw unfit(
      `The token is from the tenant ${claims.tid}, not from ${connection.tenantId}.`,
      connection.actsAs === 'person' ? signInAgain(connection) : 'Check tenantId of the connection.',
    );
  }
  if (claims.exp !== undefined && claims.exp * 1000 <= nowMs) {
    throw unfit('The token has already expired.', 'Check the clock of this machine.');
  }
}

function unfit(text: string, remedy: string): BridgeError {
  return new BridgeError('token-unfit', text, { remedy });
}

function signInAgain({ name }: CheckedConnection): string {
  return `Sign in again: mailbridge login ${name}`;
}

function isGuid(text: string | undefined): boolean {
  return /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text ?? '');
}

function isOther(expected: string | undefined, actual: string | undefined): boolean {
  return expected !== undefined && actual !== undefined && expected.toLowerCase() !== actual.toLowerCase();
}

function findingOf({ accounts }: CheckedConnection, { roles, scopes, upn }: TokenClaims): Finding {
  const permissions = [...roles, ...scopes].slice(0, 12).join(', ');
  const holds = permissions === '' ? 'holds no permission' : permissions;
  if (upn === undefined) return { detail: holds };
  const detail = `${upn}: ${holds}`;
  const strangers = [...new Set(accounts.map(({ mailbox }) => mailbox.toLowerCase()))].filter(
    (mailbox) => mailbox !== upn.toLowerCase(),
  );
  if (strangers.length === 0) return { detail };
  return {
    detail,
    warning: `${upn} signed in, and not the owner of ${strangers.slice(0, 3).join(', ')}. That works for a shared mailbox, or one that ${upn} has been given access to; otherwise sign in as its owner.`,
  };
}
