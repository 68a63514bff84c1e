import { randomUUID } from 'node:crypto';
import type { SendingLimits } from '../delivery/sending-limits.ts';
import type { Transport } from '../delivery/transport.ts';
import type { TokenSigner } from '../entra/access-token.ts';
import type { Faults } from '../faults.ts';
import {
  type HttpAnswer,
  type IncomingHttpRequest,
  type Listening,
  listenHttp,
  withFault,
} from '../http/http-server.ts';
import { findRoute, type Route } from '../http/routes.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { authenticate } from './authorization.ts';
import { batchRoute } from './batch/batch-route.ts';
import { directoryOperations } from './directory/directory-operations.ts';
import { requireDirectoryPermission } from './directory/directory-request.ts';
import { exchangeItemRoutes } from './exchange-items/exchange-item-routes.ts';
import type { ImportSessions } from './exchange-items/import-sessions.ts';
import { errorAnswer, GraphFault, type RequestIds } from './graph-error.ts';
import type { GraphRequests } from './graph-requests.ts';
import type { GraphBehaviour } from './mail/behaviour.ts';
import type { Drafts } from './mail/drafts/drafts.ts';
import type { UploadSessions } from './mail/drafts/upload-sessions.ts';
import { mailRoutes } from './mail/mail-routes.ts';
import { MailboxConcurrency } from './mailbox-concurrency.ts';
import { MailboxGate } from './mailbox-gate.ts';
import { stagedAnswer } from './staged-answer.ts';

export interface GraphSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly limits: SendingLimits;
  readonly drafts: Drafts;
  readonly uploads: UploadSessions;
  readonly imports: ImportSessions;
  readonly behaviour: GraphBehaviour;
  readonly requests: GraphRequests;
  readonly faults: Faults;
  /** Concurrent requests per app and mailbox. */
  readonly concurrentPerMailbox: number;
  readonly maxRequestBytes: number;
  onDefect(error: unknown): void;
}

/** Listens as Microsoft Graph (graph.microsoft.com). */
export function listenGraph(settings: GraphSettings): Promise<Listening> {
  const { tenant, directory, transport, limits, drafts, uploads, behaviour, maxRequestBytes } = settings;
  const { signer, requests, faults } = settings;
  const services = { tenant, directory, transport, limits, drafts, uploads, behaviour, maxRequestBytes };
  const concurrency = new MailboxConcurrency(settings.concurrentPerMailbox, limits);
  const gate = new MailboxGate({ concurrency, limits, requests, behaviour, faults });
  const mail = { services, signer, gate, imports: settings.imports };
  const routes: Route[] = [...mailRoutes(mail), ...exchangeItemRoutes(mail), ...directoryRoutes(settings)];
  const dispatch = (request: IncomingHttpRequest) => identifiedAnswer(routes, request, faults);
  routes.push(batchRoute({ signer, requests, faults, maxRequestBytes, dispatch }));
  return listenHttp({
    ...settings,
    handle: dispatch,
  });
}

/** An answer with its request's ids. */
async function identifiedAnswer(
  routes: readonly Route[],
  request: IncomingHttpRequest,
  faults: Faults,
): Promise<HttpAnswer> {
  const requestId = randomUUID();
  const given = request.headers['client-request-id'];
  const ids = { requestId, clientRequestId: typeof given === 'string' ? given : requestId };
  const answer = await answerOf(routes, request, ids, faults);
  return {
    ...answer,
    headers: { 'request-id': ids.requestId, 'client-request-id': ids.clientRequestId, ...answer.headers },
  };
}

async function answerOf(
  routes: readonly Route[],
  request: IncomingHttpRequest,
  ids: RequestIds,
  faults: Faults,
): Promise<HttpAnswer> {
  try {
    if (faults.outages.includes('graph'))
      throw new GraphFault(503, 'ServiceUnavailable', 'The service is unavailable.');
    const found = findRoute(routes, request);
    if (found === 'not-found') {
      throw new GraphFault(404, 'ResourceNotFound', `Resource not found for the segment '${request.url.pathname}'.`);
    }
    if (found === 'method-not-allowed') {
      throw new GraphFault(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.');
    }
    return await found.route.handle(request, found.captures);
  } catch (error) {
    if (error instanceof GraphFault) return errorAnswer(error, ids);
    throw error;
  }
}

/** The operations on the directory: app registrations, consents, people. */
function directoryRoutes({ tenant, signer, directory, faults }: GraphSettings): readonly Route[] {
  return directoryOperations.map((operation) => ({
    method: operation.method,
    path: new RegExp(`^/v1\\.0${operation.path}$`, 'i'),
    handle: async (http, captures) => {
      const claims = await authenticate(signer, http.headers.authorization);
      const request = { tenant, mailboxes: directory, claims, http, captures };
      requireDirectoryPermission(operation, request);
      return withFault(
        faults.take('graph', undefined, 'directory'),
        async () => operation.perform(request),
        stagedAnswer,
        http,
      );
    },
  }));
}
