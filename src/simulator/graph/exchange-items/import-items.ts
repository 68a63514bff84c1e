import { z } from 'zod';
import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';
import { findMessageFolder } from '../mail/folders/find-folder.ts';
import { type MailRequest, type MailServices, maxMessageBytes } from '../mail/mail-request.ts';
import { changeKeyOf, idOf, wantsImmutableIds } from '../mail/messages/item-ids.ts';
import { parseWith, readJson, withParameterNames } from '../mail/request-body.ts';
import type { ImportSession, ImportSessions } from './import-sessions.ts';
import { readItem } from './item-stream.ts';
import { mailboxIdOf } from './mailbox-ids.ts';

/** In base64, with room for the surrounding JSON. */
const maxBodyBytes = Math.ceil((maxMessageBytes * 4) / 3) + 64 * 1024;

const names = ['FolderId', 'Mode', 'Data', 'ItemId', 'ChangeKey'];

const body = z.strictObject({
  FolderId: z.string(),
  Mode: z.string(),
  Data: z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'not a value of Edm.Binary'),
  ItemId: z.string().optional(),
  ChangeKey: z.string().optional(),
});

/** `POST …/createImportSession`. Learn, "mailbox: createImportSession". */
export function createImportSession(
  { services, mailbox, claims, http }: MailRequest,
  sessions: ImportSessions,
): HttpAnswer {
  const { authToken, expiresAtMs } = sessions.open(mailbox, claims.appid);
  const place = `/api/gv1.0/Mailboxes('${mailboxIdOf(services.tenant, mailbox)}')/importItem`;
  return {
    status: 200,
    body: {
      '@odata.context': `https://${http.headers.host}/v1.0/$metadata#microsoft.graph.mailboxItemImportSession`,
      importUrl: `https://${http.headers.host}${place}?authtoken=${authToken}`,
      expirationDateTime: new Date(expiresAtMs).toISOString(),
    },
  };
}

/** The path of an import session, authorized by the token in the URL only. */
export const importPath = /^\/api\/gv1\.0\/Mailboxes\('([^']*)'\)\/importItem$/;

/**
 * @throws GraphFault 401 for a request with an Authorization header, or without the token of a session for this mailbox
 */
export function importSession(
  services: MailServices,
  sessions: ImportSessions,
  http: IncomingHttpRequest,
  mailboxId: string,
): ImportSession {
  const session = sessions.get(http.url.searchParams.get('authtoken') ?? '');
  const fits = session !== undefined && mailboxIdOf(services.tenant, session.mailbox) === mailboxId;
  if (http.headers.authorization === undefined && fits) return session;
  const text =
    http.headers.authorization === undefined
      ? 'The token of the import URL is invalid or has expired.'
      : 'The import URL is authorized by itself: send no Authorization header.';
  throw new GraphFault(401, 'InvalidAuthenticationToken', text);
}

/** `POST importUrl`: a new item. Learn, "Import an Exchange mailbox item". @throws GraphFault */
export async function importItem(
  services: MailServices,
  http: IncomingHttpRequest,
  session: ImportSession,
): Promise<HttpAnswer> {
  const given = parseWith(body, withParameterNames(await readJson(http, maxBodyBytes), names));
  const { FolderId, Mode, Data, ItemId, ChangeKey } = given;
  if (Mode.toLowerCase() !== 'create' || ItemId !== undefined || ChangeKey !== undefined) {
    throw new GraphFault(400, 'ErrorInvalidRequest', 'The simulator imports new items alone: Mode has to be create.');
  }
  const folder = findMessageFolder(services.directory.mailbox(session.mailbox), FolderId);
  const { mime, isRead, isUnsent, receivedAt, flags, properties } = readItem(Buffer.from(Data, 'base64'));
  const all = [...flags, ...(isRead ? ['\\Seen'] : []), ...(isUnsent ? ['\\Draft'] : [])];
  const message = folder.add(mime, all, receivedAt, { isFinal: !isUnsent, properties });
  const itemId = idOf(folder, message.uid, message.immutableId, wantsImmutableIds(http));
  return { status: 200, body: { itemId, changeKey: changeKeyOf(message) } };
}
