import type { z } from 'zod';
import type { AccessTokenClaims } from '../../entra/access-token.ts';
import { BodyTooLarge, type HttpAnswer, type IncomingHttpRequest } from '../../http/http-server.ts';
import type { MailboxDirectory } from '../../mailboxes/mailbox-directory.ts';
import type { AppRegistration, Tenant } from '../../tenant/tenant.ts';
import { heldPermissions } from '../authorization.ts';
import { GraphFault } from '../graph-error.ts';

/** One request to the directory, with its token checked. */
export interface DirectoryRequest {
  readonly tenant: Tenant;
  readonly mailboxes: MailboxDirectory;
  readonly claims: AccessTokenClaims;
  readonly http: IncomingHttpRequest;
  /** The path pattern's captures. */
  readonly captures: readonly string[];
}

/** One operation on the directory. */
export interface DirectoryOperation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Pattern of the path after `/v1.0`. */
  readonly path: string;
  /** Any of these permissions allows it, delegated or application; if empty, the operation checks for itself. */
  readonly permissions: readonly string[];
  perform(request: DirectoryRequest): Promise<HttpAnswer> | HttpAnswer;
}

/** Pattern of one object in a collection: `/{id}` or `(appId='{id}')`, for {@link keyOf}. */
export const keyPattern = '(/[^/(]+|\\(appId=[^/)]+\\))';

/** How a path names an object. */
export type ObjectKey = { readonly id: string } | { readonly appId: string };

/** Reads what {@link keyPattern} captured. */
export function keyOf(captured: string | undefined): ObjectKey {
  const appId = /^\(appId='(.*)'\)$/.exec(captured ?? '')?.[1];
  return appId === undefined ? { id: (captured ?? '').slice(1).toLowerCase() } : { appId: appId.toLowerCase() };
}

/** An app may manage what it owns; here it owns its own registration. */
const ownedBy = 'Application.ReadWrite.OwnedBy';

/**
 * Checks that the token allows the operation. A delegated permission lets an app do what its user may do: changing the
 * directory takes an administrator.
 * @throws GraphFault 403
 */
export function requireDirectoryPermission(
  { method, permissions }: DirectoryOperation,
  request: DirectoryRequest,
): void {
  if (permissions.length === 0) return;
  const { tenant, claims } = request;
  const held = heldPermissions(claims);
  const allowed = permissions.some((permission) => held.includes(permission));
  const administrator = tenant.users.get(claims.upn?.toLowerCase() ?? '')?.administrator === true;
  if (!allowed || (claims.scp !== undefined && method !== 'GET' && !administrator)) throw denied();
}

/**
 * Checks that the token may change this application; with `OwnedBy` it may not change every one. @throws GraphFault 403
 */
export function requireOwner({ claims }: DirectoryRequest, app: AppRegistration): void {
  const held = heldPermissions(claims);
  if (held.includes('Application.ReadWrite.All')) return;
  if (!held.includes(ownedBy) || claims.appid.toLowerCase() !== app.clientId.toLowerCase()) throw denied();
}

/** The error if the token does not allow the operation. */
export function denied(): GraphFault {
  return new GraphFault(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
}

/** The error for an object that does not exist, or is not replicated yet. */
export function notFound(id: string): GraphFault {
  const text = `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`;
  return new GraphFault(404, 'Request_ResourceNotFound', text);
}

export function badRequest(message: string): GraphFault {
  return new GraphFault(400, 'Request_BadRequest', message);
}

const maxBodyBytes = 256 * 1024;

/**
 * Reads a JSON body.
 * @param resource Graph's name of the type in errors
 * @throws GraphFault 400
 */
export async function readBody<S extends z.ZodType>(
  { http }: DirectoryRequest,
  schema: S,
  resource: string,
): Promise<z.infer<S>> {
  const unreadable =
    'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';
  if (!/^application\/json\b/i.test(http.headers['content-type'] ?? '')) {
    throw new GraphFault(400, 'BadRequest', unreadable);
  }
  let value: unknown;
  try {
    value = JSON.parse((await http.readBody(maxBodyBytes)).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new GraphFault(400, 'BadRequest', unreadable);
    if (error instanceof BodyTooLarge) throw new GraphFault(413, 'RequestEntityTooLarge', 'The body is too large.');
    throw error;
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  if (issue?.code === 'unrecognized_keys') throw badRequest(`Invalid property '${issue.keys[0]}'.`);
  const property = issue?.path[0] ?? '';
  if (issue?.code === 'invalid_type' && issue.input === undefined) {
    throw badRequest(`A value is required for property '${String(property)}' of resource '${resource}'.`);
  }
  throw badRequest(`Invalid value specified for property '${String(property)}' of resource '${resource}'.`);
}
