import type { TokenSigner } from '../../entra/access-token.ts';
import type { Faults, GraphOperation } from '../../faults.ts';
import { type HttpAnswer, type IncomingHttpRequest, withFault } from '../../http/http-server.ts';
import type { Route } from '../../http/routes.ts';
import { authenticate, requireMailbox, requireMailPermission, resolveMailbox } from '../authorization.ts';
import { GraphFault } from '../graph-error.ts';
import type { MailboxConcurrency } from '../mailbox-concurrency.ts';
import { stagedAnswer } from '../staged-answer.ts';
import { authorizedSession, cancelUpload, uploadChunk, uploadPath, uploadStatus } from './drafts/upload-operations.ts';
import type { OpenUpload } from './drafts/upload-sessions.ts';
import { type MailOperation, mailOperations } from './mail-operations.ts';
import type { MailServices } from './mail-request.ts';

export interface MailRouteSettings {
  readonly services: MailServices;
  readonly signer: TokenSigner;
  readonly faults: Faults;
  readonly concurrency: MailboxConcurrency;
}

/** The operations on mailboxes, and those on uploads, which need no token. */
export function mailRoutes(settings: MailRouteSettings): readonly Route[] {
  return [...mailOperations.flatMap((operation) => routesOf(operation, settings)), ...uploadRoutes(settings)];
}

function routesOf(operation: MailOperation, settings: MailRouteSettings): readonly Route[] {
  const { services, signer, faults, concurrency } = settings;
  const { name, method, path, permissions } = operation;
  const handle = async (http: IncomingHttpRequest, user: string | undefined, captures: readonly string[]) => {
    const claims = await authenticate(signer, http.headers.authorization);
    requireMailPermission(services.tenant, claims, permissions);
    const mailbox = resolveMailbox(services.directory, claims, user);
    requireMailbox(services.tenant, claims, permissions, mailbox);
    const perform = async () => operation.perform({ services, http, mailbox, claims }, ...captures);
    return concurrency.run(claims.appid, mailbox, () =>
      withFault(faults.take('graph', mailbox, name), counting(services, mailbox, perform), stagedAnswer, http),
    );
  };
  return [
    {
      method,
      path: new RegExp(`^/v1\\.0/users/([^/]+)${path}$`, 'i'),
      handle: (http, [user, ...captures]) => handle(http, user, captures),
    },
    {
      method,
      path: new RegExp(`^/v1\\.0/me${path}$`, 'i'),
      handle: (http, captures) => handle(http, undefined, captures),
    },
  ];
}

function uploadRoutes({ services, faults, concurrency }: MailRouteSettings): readonly Route[] {
  const route = (
    name: GraphOperation,
    method: string,
    perform: (session: OpenUpload, http: IncomingHttpRequest) => Promise<HttpAnswer> | HttpAnswer,
  ): Route => ({
    method,
    path: uploadPath,
    handle: async (http, [id = '']) => {
      const session = authorizedSession(services, http, id);
      const { appId, mailbox } = session;
      const answer = counting(services, mailbox, async () => perform(session, http));
      return concurrency.run(appId, mailbox, () =>
        withFault(faults.take('graph', mailbox, name), answer, stagedAnswer, http),
      );
    },
  });
  return [
    route('uploadChunk', 'PUT', (session, http) => uploadChunk(services, http, session)),
    route('uploadStatus', 'GET', (session) => uploadStatus(session)),
    route('cancelUpload', 'DELETE', (session) => cancelUpload(services, session)),
  ];
}

/** Counts a request that is too large among the violations. */
function counting(services: MailServices, mailbox: string, perform: () => Promise<HttpAnswer>) {
  return async () => {
    try {
      return await perform();
    } catch (error) {
      const tooLarge = error instanceof GraphFault && error.code === 'RequestEntityTooLarge';
      if (tooLarge) services.limits.violated('requestSize', mailbox);
      throw error;
    }
  };
}
