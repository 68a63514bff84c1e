import { BridgeError } from '../../base/errors.ts';
import type { GraphClient } from '../../graph/client/client.ts';
import { GraphError, GraphTokenError } from '../../graph/client/error.ts';
import { type DraftPlace, userPath } from '../../graph/upload/draft.ts';
import { HeaderBlock } from '../../message/header/fields.ts';
import { markerField } from './marker.ts';
import type { SentItems, SentQuery } from './sent-items.ts';

/** More copies of one message than there can be. */
const mostCopies = 100;

/** The header of a message as Graph writes it, with room to spare. */
const headerOctets = 262_144;

interface ListedMessages {
  readonly value?: readonly {
    readonly id: string;
    readonly internetMessageHeaders?: readonly { readonly name?: string; readonly value?: string }[];
  }[];
}

type ListedMessage = NonNullable<ListedMessages['value']>[number];

/** Sent Items by Graph, with the permission Mail.Read (Microsoft: "List messages", "message resource type"). */
export class GraphSentItems implements SentItems {
  readonly #client: GraphClient;
  readonly #sendAs: DraftPlace['sendAs'];

  /** @param sendAs `me`: of the person whose token it is, whatever the mailbox is called */
  constructor(client: GraphClient, sendAs: DraftPlace['sendAs'] = 'mailbox') {
    this.#client = client;
    this.#sendAs = sendAs;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const query = new URLSearchParams({
      $filter: `internetMessageId eq '${messageId.replaceAll("'", "''")}'`,
      $select: 'id,internetMessageHeaders',
      $top: String(mostCopies),
    });
    const user = userPath({ mailbox, sendAs: this.#sendAs });
    try {
      const answer = await this.#client.request({
        method: 'GET',
        path: `${user}/mailFolders/sentitems/messages?${query.toString().replaceAll('+', '%20')}`,
        mailbox,
        signal,
      });
      const { value = [] } = JSON.parse(answer.text) as ListedMessages;
      const markers: string[] = [];
      for (const listed of value) {
        const path = `${user}/messages/${encodeURIComponent(listed.id)}`;
        markers.push(...(listedMarkers(listed) ?? (await this.#mimeMarkers(path, mailbox, signal))));
      }
      return markers;
    } catch (error) {
      if (isNotPermitted(error)) return undefined;
      throw error;
    }
  }

  /** Of sent messages Graph seldom tells `internetMessageHeaders`; their MIME has them. */
  async #mimeMarkers(path: string, mailbox: string, signal: AbortSignal): Promise<readonly string[]> {
    const answer = await this.#client.request({
      method: 'GET',
      path: `${path}/$value`,
      mailbox,
      headers: { accept: '*/*' },
      answerOctets: headerOctets,
      signal,
    });
    return HeaderBlock.parse(Buffer.from(answer.text)).getAll(markerField);
  }
}

/** The markers that the list tells; undefined where it tells no headers, or none of ours. */
function listedMarkers({ internetMessageHeaders = [] }: ListedMessage): readonly string[] | undefined {
  const ours = internetMessageHeaders.filter(({ name }) => name?.toLowerCase() === markerField.toLowerCase());
  return ours.length > 0 ? ours.map(({ value }) => value ?? '') : undefined;
}

function isNotPermitted(error: unknown): boolean {
  if (error instanceof GraphTokenError) return error.cause instanceof BridgeError && error.cause.kind !== 'temporary';
  return error instanceof GraphError && [401, 403, 404].includes(error.status);
}
