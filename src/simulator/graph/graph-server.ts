import { randomUUID } from 'node:crypto';
import type { Transport } from '../delivery/transport.ts';
import type { TokenSigner } from '../entra/access-token.ts';
import type { Fault, Faults } from '../faults.ts';
import { type HttpAnswer, type HttpRequest, type Listening, listenHttp, withFault } from '../http/http-server.ts';
import { findRoute, type Route } from '../http/routes.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { authenticate, requireMailbox, requireMailPermission, resolveMailbox } from './authorization.ts';
import { directoryOperations } from './directory/directory-operations.ts';
import { requireDirectoryPermission } from './directory/directory-request.ts';
import { errorAnswer, GraphError, type RequestIds } from './graph-error.ts';
import { MailboxConcurrency } from './mailbox-concurrency.ts';
import { getMimeContent, listMessages } from './read-mail.ts';
import { sendMail } from './send-mail.ts';

export interface GraphSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  readonly faults: Faults;
  /** Requests at a time per app and mailbox. */
  readonly concurrentPerMailbox: number;
  readonly maxRequestBytes: number;
  onDefect(error: unknown): void;
}

/** One operation: the permissions that allow it, and what it does for a mailbox. */
type Operation = (request: HttpRequest, mailbox: string, rest: readonly string[]) => Promise<HttpAnswer> | HttpAnswer;

/** Listens as Microsoft Graph (graph.microsoft.com). */
export function listenGraph(settings: GraphSettings): Promise<Listening> {
  const routes = [...mailRoutes(settings), ...directoryRoutes(settings)];
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

async function answerOf(routes: readonly Route[], request: HttpRequest, ids: RequestIds): Promise<HttpAnswer> {
  try {
    const found = findRoute(routes, request);
    if (found === 'not-found') {
      throw new GraphError(404, 'ResourceNotFound', `Resource not found for the segment '${request.url.pathname}'.`);
    }
    if (found === 'method-not-allowed') {
      throw new GraphError(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.');
    }
    return await found.route.handle(request, found.captures);
  } catch (error) {
    if (error instanceof GraphError) return errorAnswer(error, ids);
    throw error;
  }
}

/** The operations on the directory: app registrations, consents, people. */
function directoryRoutes({ tenant, signer, directory, faults }: GraphSettings): readonly Route[] {
  return directoryOperations.map((operation) => ({
    method: operation.method,
    path: new RegExp(`^/v1\\.0${operation.path}$`, 'i'),
    handle: async (http, captures) => {
      const claims = authenticate(signer, http.headers.authorization);
      const request = { tenant, mailboxes: directory, claims, http, captures };
      requireDirectoryPermission(operation, request);
      return withFault(faults.take('graph'), async () => operation.perform(request), stagedAnswer);
    },
  }));
}

/** The operations on mailboxes. */
function mailRoutes(settings: GraphSettings): readonly Route[] {
  const { tenant, signer, directory, transport, faults, maxRequestBytes } = settings;
  const concurrency = new MailboxConcurrency(settings.concurrentPerMailbox);

  const operation = (
    method: string,
    path: string,
    permissions: readonly string[],
    perform: Operation,
  ): readonly Route[] => {
    const handle = async (request: HttpRequest, name: string | undefined, rest: readonly string[]) => {
      const claims = authenticate(signer, request.headers.authorization);
      requireMailPermission(tenant, claims, permissions);
      const mailbox = resolveMailbox(directory, claims, name);
      requireMailbox(tenant, claims, permissions, mailbox);
      return concurrency.run(claims.appid, mailbox, () =>
        withFault(faults.take('graph', mailbox), async () => perform(request, mailbox, rest), stagedAnswer),
      );
    };
    return [
      {
        method,
        path: new RegExp(`^/v1\\.0/users/([^/]+)${path}$`, 'i'),
        handle: (request, [name, ...rest]) => handle(request, name, rest),
      },
      {
        method,
        path: new RegExp(`^/v1\\.0/me${path}$`, 'i'),
        handle: (request, rest) => handle(request, undefined, rest),
      },
    ];
  };

  return [
    ...operation('POST', '/(?:microsoft\\.graph\\.)?sendMail', ['Mail.Send', 'Mail.Send.Shared'], (request, mailbox) =>
      sendMail(request, mailbox, { tenant, transport, maxRequestBytes }),
    ),
    ...operation(
      'GET',
      '/mailFolders/([^/]+)/messages',
      ['Mail.Read', 'Mail.ReadWrite'],
      (request, mailbox, [folder]) => listMessages(directory, mailbox, folder ?? '', request.url.searchParams),
    ),
    ...operation('GET', '/messages/([^/]+)/\\$value', ['Mail.Read', 'Mail.ReadWrite'], (_, mailbox, [id]) =>
      getMimeContent(directory, mailbox, id ?? ''),
    ),
  ];
}

/** What a staged refusal looks like: an error in Graph's form, or an empty success. */
function stagedAnswer(fault: Fault): HttpAnswer {
  const status = fault.status ?? 503;
  if (status < 400) return { status };
  throw new GraphError(
    status,
    fault.code ?? (status === 429 ? 'ApplicationThrottled' : 'ServiceUnavailable'),
    fault.text ?? 'A staged error.',
    fault.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(fault.retryAfterSeconds) },
  );
}
