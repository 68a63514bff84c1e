import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AdminAccess, KnownCaller } from '../access/access.ts';
import type { AuditLog } from '../access/audit-log.ts';
import { refusalOf } from '../server/refusal.ts';
import type { ApiAnswer, ApiRoute } from './route.ts';

/** How long an answer may take, and the client to read it, between two pieces of it. */
const answerTimeoutMs = 60_000;

export const apiPrefix = '/api/v1';

/** What every route passes. */
export interface ApiGate {
  readonly access: AdminAccess;
  readonly audit: AuditLog;
  readonly log: Log;
}

/** Serves routes of the API: authorization, validation, the call, the audit log, the answer. */
export function addApiRoutes(app: FastifyInstance, routes: readonly ApiRoute[], gate: ApiGate): void {
  for (const route of routes) {
    app.route({
      method: route.method,
      url: `${apiPrefix}${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      exposeHeadRoute: false,
      handler: (request, reply) => serve(route, request, reply, gate),
    });
  }
}

async function serve(route: ApiRoute, request: FastifyRequest, reply: FastifyReply, gate: ApiGate): Promise<unknown> {
  let caller: KnownCaller | undefined;
  const details: Record<string, unknown> = {};
  const record = (outcome: string) => {
    if (route.audit === undefined) return;
    const { user = null, by = null } = caller ?? {};
    const entry = { user, by, address: request.ip, action: route.audit, details, outcome };
    if (caller || outcome === 'done') gate.audit.record(entry);
    // Unknown callers must not be able to fill the log and push out what was done.
    else if (outcome === 'admin-token-wrong') gate.audit.recordStranger(entry);
  };
  try {
    gate.access.assertNotFromElsewhere(request);
    caller = route.access === 'open' ? undefined : await gate.access.admit(request, route.access);
    // A busy store may take long to answer; unknown callers do not get this far.
    if (caller) request.raw.socket.setTimeout(answerTimeoutMs);
    const params = parsed(route.params, request.params, 'path');
    Object.assign(details, params);
    const query = parsed(route.query, request.query, 'query');
    const body = parsed(route.body, request.body ?? (route.body && {}), 'body');
    const note = (more: Readonly<Record<string, unknown>>) => void Object.assign(details, more);
    const answer = await route.run({ params, query, body, caller, request, reply, note });
    record('done');
    return reply.sent ? reply : send(reply, answer);
  } catch (error) {
    record(error instanceof BridgeError ? error.code : 'admin-failed');
    if (reply.sent) throw error;
    return refuse(reply, error, gate);
  }
}

function send(reply: FastifyReply, { status, body, type, headers }: ApiAnswer): unknown {
  reply.code(status);
  if (headers) reply.headers(headers);
  if (type !== undefined) return reply.type(type).send(body);
  return body === undefined ? reply.send() : reply.type('application/json').send(JSON.stringify(body));
}

/** Answers with an API error. A caller who is not signed in gets the ways to sign in. */
export function refuse(reply: FastifyReply, error: unknown, { access, log }: Pick<ApiGate, 'access' | 'log'>): unknown {
  const { status, body, isOurFault } = refusalOf(error);
  if (isOurFault) log.error({ error }, 'cannot answer at the admin port');
  const seconds = error instanceof BridgeError ? error.details.retryAfterSeconds : undefined;
  if (seconds !== undefined) reply.header('Retry-After', String(seconds));
  reply.code(status).type('application/json');
  return reply.send(JSON.stringify(status === 401 ? { ...body, signInBy: access.signInBy } : body));
}

/** The input, parsed by its schema; nothing if a route takes nothing. @throws BridgeError `admin-request-invalid` */
function parsed(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new BridgeError('admin-request-invalid', `The ${where} is wrong: ${problemText(result.error)}`);
}

const toldAtMost = 5;

/** What is wrong, without the values that were sent. */
function problemText({ issues }: z.ZodError): string {
  const lines = issues.slice(0, toldAtMost).map(({ path, message }) => {
    const at = z.core.toDotPath(path);
    return at === '' ? message : `${at}: ${message}`;
  });
  return `${lines.join('; ')}.`;
}
