import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import { draftFromProperties } from './drafts/new-draft.ts';
import type { MailRequest } from './mail-request.ts';
import { messageProperties } from './message-properties.ts';
import { contentTypeOf, decodeMime, parseWith, readBytes, readJson, withParameterNames } from './request-body.ts';
import { submitMessage } from './submit-message.ts';

// Parameter names of an action are case-insensitive: Microsoft's own examples write both.
const sendMailBody = z.strictObject({
  message: messageProperties,
  saveToSentItems: z.union([z.boolean(), z.stringbool()]).default(true),
});

/** `POST /users/{id | userPrincipalName}/sendMail`. Learn, "user: sendMail". @throws GraphError */
export async function sendMail(request: MailRequest): Promise<HttpAnswer> {
  const { http, services, mailbox } = request;
  if (contentTypeOf(http) === 'text/plain') {
    const content = decodeMime(await readBytes(http, services.maxRequestBytes));
    submitMessage(request, content, { saveToSentItems: true });
    return { status: 202 };
  }
  const body = withParameterNames(await readJson(http, services.maxRequestBytes), ['message', 'saveToSentItems']);
  const { message, saveToSentItems } = parseWith(sendMailBody, body);
  const draft = draftFromProperties(message, mailbox, services.tenant.domain);
  const { immutableId, properties } = draft;
  submitMessage(request, draft.compose(), { saveToSentItems, facts: { immutableId, properties } });
  return { status: 202 };
}
