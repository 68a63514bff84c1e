import { BridgeError } from '../base/errors.ts';
import type { GraphClient } from '../graph/client.ts';
import { GraphError, GraphTokenError } from '../graph/graph-error.ts';
import { markerField } from './marker.ts';
import type { SentItems, SentQuery } from './sent-items.ts';

/** More copies of one message than there can be. */
const mostCopies = 100;

interface ListedMessages {
  readonly value?: readonly {
    readonly internetMessageHeaders?: readonly { readonly name?: string; readonly value?: string }[];
  }[];
}

/** Sent Items by Graph, with the permission Mail.Read (Microsoft: "List messages", "message resource type"). */
export class GraphSentItems implements SentItems {
  readonly #client: GraphClient;

  constructor(client: GraphClient) {
    this.#client = client;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const query = new URLSearchParams({
      $filter: `internetMessageId eq '${messageId.replaceAll("'", "''")}'`,
      $select: 'id,internetMessageHeaders',
      $top: String(mostCopies),
    });
    const folder = `/v1.0/users/${encodeURIComponent(mailbox)}/mailFolders/sentitems`;
    try {
      const answer = await this.#client.request({
        method: 'GET',
        path: `${folder}/messages?${query.toString().replaceAll('+', '%20')}`,
        mailbox,
        signal,
      });
      const { value = [] } = JSON.parse(answer.text) as ListedMessages;
      return value.flatMap(({ internetMessageHeaders = [] }) =>
        internetMessageHeaders
          .filter(({ name }) => name?.toLowerCase() === markerField.toLowerCase())
          .map((header) => header.value ?? ''),
      );
    } catch (error) {
      if (isNotPermitted(error)) return undefined;
      throw error;
    }
  }
}

function isNotPermitted(error: unknown): boolean {
  if (error instanceof GraphTokenError) return error.cause instanceof BridgeError && error.cause.kind !== 'temporary';
  return error instanceof GraphError && [401, 403, 404].includes(error.status);
}
