import { z } from 'zod';
import type { HttpAnswer } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';
import { type MailRequest, mailboxOf } from '../mail/mail-request.ts';
import { changeKeyOf, findItem } from '../mail/messages/item-ids.ts';
import { parseWith, readJson, withParameterNames } from '../mail/request-body.ts';
import { writeItem } from './item-stream.ts';

/** Most items in one request. */
const mostItems = 20;

const body = z.strictObject({ itemIds: z.array(z.string()).min(1) });

/** `POST …/exportItems`. Learn, "mailbox: exportItems". @throws GraphFault */
export async function exportItems(request: MailRequest): Promise<HttpAnswer> {
  const { http, services } = request;
  const { itemIds } = parseWith(body, withParameterNames(await readJson(http, services.maxRequestBytes), ['itemIds']));
  if (itemIds.length > mostItems) {
    throw new GraphFault(400, 'ErrorInvalidRequest', `At most ${mostItems} items can be exported in one request.`);
  }
  return { status: 200, body: { value: itemIds.map((itemId) => exported(request, itemId)) } };
}

function exported(request: MailRequest, itemId: string): object {
  try {
    const item = findItem(mailboxOf(request), itemId);
    const { message } = item;
    const draft = request.services.drafts.of(item);
    const data = writeItem({
      mime: draft?.compose() ?? message.content,
      isRead: message.flags.includes('\\Seen'),
      isUnsent: draft !== undefined,
      receivedAt: message.internalDate,
      flags: message.flags.filter((flag) => flag !== '\\Seen' && flag !== '\\Draft'),
      properties: draft?.properties ?? message.properties ?? [],
    });
    return { itemId, changeKey: changeKeyOf(message), data: data.toString('base64') };
  } catch (error) {
    if (!(error instanceof GraphFault)) throw error;
    return { itemId, error: { code: error.code, message: error.message } };
  }
}
