import type { TokenSigner } from '../../entra/access-token.ts';
import type { GraphOperation } from '../../faults.ts';
import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import type { Route } from '../../http/routes.ts';
import { authenticate, requireMailbox, requireMailPermission, resolveMailbox } from '../authorization.ts';
import type { MailboxGate } from '../mailbox-gate.ts';
import { authorizedSession, cancelUpload, uploadChunk, uploadPath, uploadStatus } from './drafts/upload-operations.ts';
import type { OpenUpload } from './drafts/upload-sessions.ts';
import type { MailOperation } from './mail-operation.ts';
import { mailOperations } from './mail-operations.ts';
import type { MailServices } from './mail-request.ts';

export interface MailRouteSettings {
  readonly services: MailServices;
  readonly signer: TokenSigner;
  readonly gate: MailboxGate;
}

/** The operations on mailboxes, and those on uploads, which need no token. */
export function mailRoutes(settings: MailRouteSettings): readonly Route[] {
  return [...mailOperations.flatMap((operation) => routesOf(operation, settings)), ...uploadRoutes(settings)];
}

function routesOf(operation: MailOperation, settings: MailRouteSettings): readonly Route[] {
  const { services, signer, gate } = settings;
  const { name, method, path, permissions } = operation;
  const handle = async (http: IncomingHttpRequest, user: string | undefined, captures: readonly string[]) => {
    const claims = await authenticate(signer, http.headers.authorization);
    requireMailPermission(services.tenant, claims, permissions);
    const mailbox = resolveMailbox(services.directory, claims, user);
    requireMailbox(services.tenant, claims, permissions, mailbox);
    return gate.pass({ operation: name, appId: claims.appid, mailbox, http }, async () =>
      operation.perform({ services, http, mailbox, claims }, ...captures),
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

function uploadRoutes({ services, gate }: MailRouteSettings): readonly Route[] {
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
      return gate.pass({ operation: name, appId, mailbox, http }, async () => perform(session, http));
    },
  });
  return [
    route('uploadChunk', 'PUT', (session, http) => uploadChunk(services, http, session)),
    route('uploadStatus', 'GET', (session) => uploadStatus(session)),
    route('cancelUpload', 'DELETE', (session) => cancelUpload(services, session)),
  ];
}
