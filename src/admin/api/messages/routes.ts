import type { Readable } from 'node:stream';
import { z } from 'zod';
import { notFound } from '../../server/refusal.ts';
import { type ApiRoute, apiRoute, ok } from '../route.ts';
import {
  actionSchema,
  type ChosenMessages,
  type MessageAction,
  type MessageDetail,
  type MessagePage,
  type MessageQuery,
  messageDetailSchema,
  messagePageSchema,
  messageParams,
  messageQuerySchema,
} from './schemas.ts';

/** The queue, as an administrator sees it. */
export interface MessagesPort {
  /** Newest first. */
  page(query: MessageQuery): Promise<MessagePage>;
  /** Undefined: the queue has no such message. */
  get(id: string): Promise<MessageDetail | undefined>;
  /**
   * The octets as accepted; for a damaged message, whatever exists.
   * @throws BridgeError `queue-body-missing`
   */
  open(id: string): Promise<Readable>;
  /** @returns how many messages were changed */
  act(action: MessageAction, filter: ChosenMessages): Promise<number>;
}

/** Viewing the queue, and changing it. */
export function messageRoutes(messages: MessagesPort): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/messages',
      summary: 'Messages in the queue, newest first.',
      access: 'view',
      query: messageQuerySchema,
      answers: { 200: { description: 'A page of messages.', schema: messagePageSchema } },
      run: async ({ query }) => ok(await messages.page(query)),
    }),
    apiRoute({
      method: 'GET',
      path: '/messages/{id}',
      summary: 'A message: its state, the result of each attempt, and what it waits for.',
      access: 'view',
      params: messageParams,
      answers: { 200: { description: 'The message.', schema: messageDetailSchema } },
      run: async ({ params: { id } }) => ok((await messages.get(id)) ?? noMessage(id)),
    }),
    contentRoute(messages),
    apiRoute({
      method: 'POST',
      path: '/messages/actions',
      summary: 'Retry, hold, release or delete messages, by their ids or a filter.',
      access: 'operate',
      audit: 'messages',
      body: actionSchema,
      answers: {
        200: { description: 'The number of messages changed.', schema: z.strictObject({ changed: z.int() }) },
      },
      async run({ body: { action, ids, filter }, note }) {
        note({ action, ...(ids ? { ids: ids.slice(0, 20), count: ids.length } : { filter }) });
        const changed = await messages.act(action, filter ?? { ids });
        note({ changed });
        return ok({ changed });
      },
    }),
  ];
}

function contentRoute(messages: MessagesPort): ApiRoute {
  return apiRoute({
    method: 'GET',
    path: '/messages/{id}/content',
    summary: 'The message as it was accepted.',
    access: 'operate',
    audit: 'messages.content',
    params: messageParams,
    answers: { 200: { description: 'The octets.', type: 'message/rfc822' } },
    async run({ params: { id } }) {
      const message = (await messages.get(id)) ?? noMessage(id);
      if (!message.hasContent) notFound(`Message ${id} is delivered; its content is no longer kept.`);
      const headers = { 'Content-Disposition': `attachment; filename="${id}.eml"` };
      return { status: 200, type: 'message/rfc822', headers, body: await messages.open(id) };
    },
  });
}

function noMessage(id: string): never {
  return notFound(`The queue has no message ${id}.`);
}
