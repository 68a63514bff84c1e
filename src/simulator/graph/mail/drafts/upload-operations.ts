import { z } from 'zod';
import type { HttpAnswer, IncomingHttpRequest } from '../../../http/http-server.ts';
import { userObjectId } from '../../../tenant/tenant.ts';
import { GraphFault } from '../../graph-error.ts';
import { newAttachment } from '../attachment.ts';
import { assertRoom, sessionFromBytes } from '../attachment-operations.ts';
import { type MailRequest, type MailServices, maxMessageBytes } from '../mail-request.ts';
import { findItem } from '../messages/item-ids.ts';
import { contentTypeOf, parseWith, readBytes, readJson, withParameterNames } from '../request-body.ts';
import { limitError } from '../submit-message.ts';
import { editableOf } from './operations.ts';
import type { OpenUpload } from './upload-sessions.ts';

const sessionBody = z.strictObject({
  AttachmentItem: z.strictObject({
    attachmentType: z.literal('file'),
    name: z.string(),
    size: z.int().min(0),
    contentType: z.string().nullish(),
    contentId: z.string().nullish(),
    isInline: z.boolean().nullish(),
  }),
});

/** `POST …/attachments/createUploadSession`. Learn, "attachment: createUploadSession". @throws GraphFault */
export async function createUploadSession(request: MailRequest, messageId: string): Promise<HttpAnswer> {
  const { services, mailbox, http, claims } = request;
  const { draft } = editableOf(request, messageId);
  const body = withParameterNames(await readJson(http, services.maxRequestBytes), ['AttachmentItem']);
  const { size, attachmentType: _, ...facts } = parseWith(sessionBody, body).AttachmentItem;
  if (size < sessionFromBytes) {
    const text = 'The attachment size should not be less than the minimum size of 3 MB.';
    throw new GraphFault(400, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize', text);
  }
  if (size > maxMessageBytes) {
    services.limits.violated('messageSize', mailbox);
    throw new GraphFault(400, 'ErrorAttachmentSizeLimitExceeded', 'The attachment size exceeds the limit of 150 MB.');
  }
  assertRoom(request, draft, size);
  const session = services.uploads.open({ mailbox, appId: claims.appid, messageId, draft, facts, size });
  const uploadUrl = `${messageUrl(http, services, session)}/AttachmentSessions('${session.id}')?authtoken=${session.authToken}`;
  return {
    status: 201,
    body: {
      '@odata.context': `https://${http.headers.host}/v1.0/$metadata#microsoft.graph.uploadSession`,
      uploadUrl,
      expirationDateTime: new Date(session.expiresAtMs).toISOString(),
      nextExpectedRanges: ['0-'],
    },
  };
}

/** The path of an upload session, authorized by the token in the URL only. */
export const uploadPath = /^\/api\/v2\.0\/Users\('[^']*'\)\/Messages\('[^']*'\)\/AttachmentSessions\('([^']*)'\)$/;

/** @throws GraphFault 401 for a request with an Authorization header, or without the session's own token; 404 */
export function authorizedSession(services: MailServices, http: IncomingHttpRequest, id: string): OpenUpload {
  if (http.headers.authorization !== undefined) {
    const text = 'The upload URL is authorized by itself: send no Authorization header.';
    throw new GraphFault(401, 'InvalidAuthenticationToken', text);
  }
  const session = services.uploads.get(id);
  if (session === undefined) throw new GraphFault(404, 'ErrorItemNotFound', 'The upload session was not found.');
  if (http.url.searchParams.get('authtoken') === session.authToken) return session;
  throw new GraphFault(401, 'InvalidAuthenticationToken', 'The token of the upload URL is invalid.');
}

/** `PUT uploadUrl`: the next octets. Learn, "Attach large files to Outlook messages or events". @throws GraphFault */
export async function uploadChunk(
  services: MailServices,
  http: IncomingHttpRequest,
  session: OpenUpload,
): Promise<HttpAnswer> {
  if (contentTypeOf(http) !== 'application/octet-stream') {
    throw new GraphFault(415, 'UnsupportedMediaType', 'The content type has to be application/octet-stream.');
  }
  const { start, end } = rangeOf(http, session);
  const chunk = await readBytes(http, services.maxRequestBytes);
  if (chunk.length !== end - start + 1) {
    const text = 'The Content-Range header length does not match the provided number of bytes.';
    throw new GraphFault(400, 'ErrorInvalidRequest', text);
  }
  // Checked only now: another request may have brought these octets meanwhile.
  if (start !== session.received) {
    throw new GraphFault(416, 'ErrorInvalidRange', `The next octet expected is ${session.received}.`);
  }
  const exceeded = services.limits.admitUpload(session.appId, session.mailbox, chunk.length);
  if (exceeded) throw limitError(exceeded);
  session.chunks.push(chunk);
  session.received += chunk.length;
  return session.received < session.size ? uploadStatus(session) : finished(services, http, session);
}

/** `GET uploadUrl`: what is still missing. */
export function uploadStatus(session: OpenUpload): HttpAnswer {
  return {
    status: 200,
    body: {
      expirationDateTime: new Date(session.expiresAtMs).toISOString(),
      nextExpectedRanges: [String(session.received)],
    },
  };
}

/** `DELETE uploadUrl`. */
export function cancelUpload(services: MailServices, session: OpenUpload): HttpAnswer {
  services.uploads.close(session);
  return { status: 204 };
}

function finished(services: MailServices, http: IncomingHttpRequest, session: OpenUpload): HttpAnswer {
  const attachment = newAttachment('file', session.facts, session.chunks);
  session.draft.attach(attachment);
  const mailbox = services.directory.mailbox(session.mailbox);
  services.drafts.changed(findItem(mailbox, session.messageId));
  services.uploads.close(session);
  return {
    status: 201,
    headers: { Location: `${messageUrl(http, services, session)}/Attachments('${attachment.id}')` },
  };
}

/** `Content-Range: bytes {start}-{end}/{total}`. @throws GraphFault 400, 416 */
function rangeOf(http: IncomingHttpRequest, session: OpenUpload): { readonly start: number; readonly end: number } {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(http.headers['content-range'] ?? ''));
  if (!match) {
    throw new GraphFault(400, 'ErrorInvalidRequest', 'The Content-Range header is missing or malformed.');
  }
  const [start = 0, end = 0, total = 0] = match.slice(1).map(Number);
  if (total !== session.size) {
    throw new GraphFault(400, 'ErrorInvalidRequest', `The upload session is for ${session.size} octets in total.`);
  }
  if (end < start || end >= total) {
    throw new GraphFault(416, 'ErrorInvalidRange', 'The range is not within the attachment.');
  }
  return { start, end };
}

function messageUrl(http: IncomingHttpRequest, { tenant }: MailServices, { mailbox, messageId }: OpenUpload): string {
  const user = `${userObjectId(mailbox)}@${tenant.id}`;
  return `https://${http.headers.host}/api/v2.0/Users('${user}')/Messages('${messageId}')`;
}
