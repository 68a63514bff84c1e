import type { GraphOperation } from '../../faults.ts';
import type { HttpAnswer } from '../../http/http-server.ts';
import type { Route } from '../../http/routes.ts';
import { authenticate, requireMailbox, requireMailPermission, resolveMailbox } from '../authorization.ts';
import { GraphFault } from '../graph-error.ts';
import type { MailRequest } from '../mail/mail-request.ts';
import type { MailRouteSettings } from '../mail/mail-routes.ts';
import { notFound } from '../mail/messages/item-ids.ts';
import { exportItems } from './export-items.ts';
import { createImportSession, importItem, importPath, importSession } from './import-items.ts';
import type { ImportSessions } from './import-sessions.ts';
import { userIdIn } from './mailbox-ids.ts';

const importing = ['MailboxItem.ImportExport', 'MailboxItem.ImportExport.All'];
const exporting = ['MailboxItem.Export', 'MailboxItem.Export.All', ...importing];

interface ExchangeItemSettings extends MailRouteSettings {
  readonly imports: ImportSessions;
}

/** The operations on items in Exchange's own format. Learn, "Overview of the mailbox import and export APIs". */
export function exchangeItemRoutes(settings: ExchangeItemSettings): readonly Route[] {
  const { services, gate, imports } = settings;
  return [
    routeOf(settings, 'exportItems', exporting, exportItems),
    routeOf(settings, 'createImportSession', importing, (request) => createImportSession(request, imports)),
    {
      method: 'POST',
      path: importPath,
      handle: async (http, [mailboxId = '']) => {
        const session = importSession(services, imports, http, mailboxId);
        const { appId, mailbox } = session;
        return gate.pass({ operation: 'importItem', appId, mailbox, http }, () => importItem(services, http, session));
      },
    },
  ];
}

function routeOf(
  { services, signer, gate }: ExchangeItemSettings,
  operation: GraphOperation,
  permissions: readonly string[],
  perform: (request: MailRequest) => Promise<HttpAnswer> | HttpAnswer,
): Route {
  return {
    method: 'POST',
    path: new RegExp(`^/v1\\.0/admin/exchange/mailboxes/([^/]+)/(?:microsoft\\.graph\\.)?${operation}$`, 'i'),
    handle: async (http, [mailboxId = '']) => {
      const { tenant, directory } = services;
      const claims = await authenticate(signer, http.headers.authorization);
      requireMailPermission(tenant, claims, permissions);
      const mailbox = resolveMailbox(directory, claims, userIdIn(tenant, mailboxId) ?? notFound());
      requireMailbox(tenant, claims, permissions, mailbox);
      // People can use it only on their own mailbox.
      if (claims.upn !== undefined && claims.upn.toLowerCase() !== mailbox.toLowerCase()) {
        throw new GraphFault(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
      }
      return gate.pass({ operation, appId: claims.appid, mailbox, http }, async () =>
        perform({ services, http, mailbox, claims }),
      );
    },
  };
}
