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
import { directoryOperations } from './directory/directory-operations.ts';
import { requireDirectoryPermission } from './directory/directory-request.ts';
import { errorAnswer, GraphFault, type RequestIds } from './graph-error.ts';
import type { Drafts } from './mail/drafts/drafts.ts';
import type { UploadSessions } from './mail/drafts/upload-sessions.ts';
import { mailRoutes } from './mail/mail-routes.ts';
import { MailboxConcurrency } from './mailbox-concurrency.ts';
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
  readonly faults: Faults;
  /** Requests at a time per app and mailbox. */
  readonly concurrentPerMailbox: number;
  readonly maxRequestBytes: number;
  onDefect(error: unknown): void;
}

/** Listens as Microsoft Graph (graph.microsoft.com). */
export function listenGraph(settings: GraphSettings): Promise<Listening> {
  const { tenant, directory, transport, limits, drafts, uploads, maxRequestBytes, signer, faults } = settings;
  const services = { tenant, directory, transport, limits, drafts, uploads, maxRequestBytes };
  const concurrency = new MailboxConcurrency(settings.concurrentPerMailbox, limits);
  const routes = [...mailRoutes({ services, signer, faults, concurrency }), ...directoryRoutes(settings)];
  return listenHttp({
    ...settings,
    handle: async (request) => {
      const requestId = randomUUID();
      const given = request.headers['client-request-id'];
      const ids = { requestId, clientRequestId: typeof given === 'string' ? given : requestId };
      const answer = await answerOf(routes, request, ids);
      return {
        ...answer,
        headers: { 'request-id': ids.requestId, 'client-request-id': ids.clientRequestId, ...answer.headers },
      };
    },
  });
}

async function answerOf(routes: readonly Route[], request: IncomingHttpRequest, ids: RequestIds): Promise<HttpAnswer> {
  try {
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
