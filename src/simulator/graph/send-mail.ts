import type { Transport } from '../delivery/transport.ts';
import { BodyTooLarge, type HttpAnswer, type HttpRequest } from '../http/http-server.ts';
import { maySendAs } from '../tenant/exchange-permissions.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { GraphError } from './graph-error.ts';
import { messageFromJson } from './json-message.ts';
import { type GraphMessage, messageFromBase64 } from './outgoing-message.ts';

/** `POST /users/{id | userPrincipalName}/sendMail`. Learn, "user: sendMail". @throws GraphError */
export async function sendMail(
  request: HttpRequest,
  mailbox: string,
  services: { readonly tenant: Tenant; readonly transport: Transport; readonly maxRequestBytes: number },
): Promise<HttpAnswer> {
  const message = await readMessage(request, mailbox, services.maxRequestBytes);
  if (message.senders.some((sender) => !maySendAs(services.tenant, mailbox, sender))) {
    const text =
      'The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.';
    throw new GraphError(403, 'ErrorSendAsDenied', text);
  }
  services.transport.submit({ via: 'graph', mailbox, reversePath: mailbox, ...message });
  return { status: 202 };
}

async function readMessage(request: HttpRequest, mailbox: string, maxBytes: number): Promise<GraphMessage> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  let body: Buffer;
  try {
    body = await request.readBody(maxBytes);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw new GraphError(413, 'RequestEntityTooLarge', 'The request size exceeds the maximum limit.');
  }
  if (type === 'text/plain') return messageFromBase64(body);
  if (type === 'application/json') return messageFromJson(body, mailbox);
  throw new GraphError(415, 'UnsupportedMediaType', `The content type '${type}' is not supported.`);
}
