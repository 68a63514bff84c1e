import { BridgeError } from '../../base/errors.ts';
import type { GraphClient } from '../../graph/client/client.ts';
import { GraphError, GraphTokenError } from '../../graph/client/error.ts';
import { type DraftPlace, userPath } from '../../graph/upload/draft.ts';
import { HeaderBlock } from '../../message/header/fields.ts';
import { markerField } from './marker.ts';
import { type CopyQuery, isUnwanted, type Removal, type SentItems, type UnwantedCopy } from './sent-items.ts';

/** More copies of one message than can exist. */
const mostCopies = 100;

/** The header of a message as written by Graph, with room to spare. */
const headerOctets = 262_144;

interface ListedMessages {
  readonly value?: readonly {
    readonly id: string;
    readonly internetMessageHeaders?: readonly { readonly name?: string; readonly value?: string }[];
  }[];
}

type ListedMessage = NonNullable<ListedMessages['value']>[number];

/** The id stays the same when the message moves to Deleted Items. */
const immutableIds = { prefer: 'IdType="ImmutableId"' };

/**
 * Sent Items through Graph, with the permission Mail.Read (Microsoft: "List messages", "message resource type"), and
 * Mail.ReadWrite to remove copies ("message: permanentDelete").
 */
export class GraphSentItems implements SentItems {
  readonly #client: GraphClient;
  readonly #sendAs: DraftPlace['sendAs'];
  /** Not every cloud has `permanentDelete`. */
  #hasPermanentDelete = true;

  /** @param sendAs `me`: the person whose token it is, whatever the mailbox is called */
  constructor(client: GraphClient, sendAs: DraftPlace['sendAs'] = 'mailbox') {
    this.#client = client;
    this.#sendAs = sendAs;
  }

  async find(query: CopyQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { mailbox } = query;
    return ifPermitted(async () => {
      const markers: string[] = [];
      for (const listed of await this.#list(query, signal)) {
        const header =
          listedMarkers(listed) ?? (await this.#mimeHeader(listed.id, mailbox, signal)).getAll(markerField);
        markers.push(...header);
      }
      return markers;
    });
  }

  /** One message at a time: a mailbox allows few concurrent requests, and deliveries get the rest. */
  async remove({ mailbox, copies, onDone }: Removal, signal: AbortSignal): Promise<boolean> {
    const removed = await ifPermitted(async () => {
      for (const copy of copies) {
        const found = await this.#copiesOf(copy, mailbox, signal);
        if (!(await copy.mayGo())) continue;
        for (const id of found) await this.#delete(id, mailbox, signal);
        onDone(copy, found.length);
      }
      return true;
    });
    return removed ?? false;
  }

  async #copiesOf(copy: UnwantedCopy, mailbox: string, signal: AbortSignal): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const { id } of await this.#list({ mailbox, messageId: copy.messageId }, signal)) {
      if (isUnwanted(await this.#mimeHeader(id, mailbox, signal), copy)) ids.push(id);
    }
    return ids;
  }

  async #list({ mailbox, messageId }: CopyQuery, signal: AbortSignal): Promise<readonly ListedMessage[]> {
    const query = new URLSearchParams({
      $filter: `internetMessageId eq '${messageId.replaceAll("'", "''")}'`,
      $select: 'id,internetMessageHeaders',
      $top: String(mostCopies),
    });
    const answer = await this.#client.request({
      method: 'GET',
      path: `${this.#user(mailbox)}/mailFolders/sentitems/messages?${query.toString().replaceAll('+', '%20')}`,
      mailbox,
      headers: immutableIds,
      signal,
    });
    return (JSON.parse(answer.text) as ListedMessages).value ?? [];
  }

  /** For sent messages Graph rarely returns `internetMessageHeaders`; their MIME has them. */
  async #mimeHeader(id: string, mailbox: string, signal: AbortSignal): Promise<HeaderBlock> {
    const answer = await this.#client.request({
      method: 'GET',
      path: `${this.#user(mailbox)}/messages/${encodeURIComponent(id)}/$value`,
      mailbox,
      headers: { ...immutableIds, accept: '*/*' },
      answerOctets: headerOctets,
      signal,
    });
    return HeaderBlock.parse(Buffer.from(answer.text));
  }

  /** A copy that is already gone is not a failure. */
  async #delete(id: string, mailbox: string, signal: AbortSignal): Promise<void> {
    const path = `${this.#user(mailbox)}/messages/${encodeURIComponent(id)}`;
    const request = { mailbox, headers: immutableIds, signal };
    try {
      if (this.#hasPermanentDelete) {
        await this.#client.request({ method: 'POST', path: `${path}/permanentDelete`, ...request });
        return;
      }
    } catch (error) {
      if (isGone(error)) return;
      if (!isUnknownOperation(error)) throw error;
      this.#hasPermanentDelete = false;
    }
    try {
      // The first request may move it to Deleted Items, the second deletes it from there.
      for (let times = 1; times <= 2; times += 1) await this.#client.request({ method: 'DELETE', path, ...request });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  #user(mailbox: string): string {
    return userPath({ mailbox, sendAs: this.#sendAs });
  }
}

/** The markers in the list; undefined if it has no headers, or none of ours. */
function listedMarkers({ internetMessageHeaders = [] }: ListedMessage): readonly string[] | undefined {
  const ours = internetMessageHeaders.filter(({ name }) => name?.toLowerCase() === markerField.toLowerCase());
  return ours.length > 0 ? ours.map(({ value }) => value ?? '') : undefined;
}

/** @returns undefined if the bridge has no access to the mailbox */
async function ifPermitted<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await act();
  } catch (error) {
    if (isNotPermitted(error)) return undefined;
    throw error;
  }
}

function isNotPermitted(error: unknown): boolean {
  if (error instanceof GraphTokenError) return error.cause instanceof BridgeError && error.cause.kind !== 'temporary';
  return error instanceof GraphError && [401, 403, 404].includes(error.status);
}

function isGone(error: unknown): boolean {
  return error instanceof GraphError && error.status === 404 && /^ErrorItemNotFound$/i.test(error.code);
}

/** Graph's router has codes of its own for that; those of Exchange begin with `Error`. */
function isUnknownOperation(error: unknown): boolean {
  if (!(error instanceof GraphError)) return false;
  return [405, 501].includes(error.status) || ([400, 404].includes(error.status) && !/^Error/.test(error.code));
}
