import type { Readable } from 'node:stream';
import { GraphUnansweredError } from '../../../graph/client/error.ts';
import type { SpecialUse } from '../../../mailbox/mail-store.ts';
import { isGone, isUnknownAction } from '../errors.ts';
import { imapDeleted, lastVerb } from '../flags.ts';
import type { BatchAnswer, MailboxRequests, RequestOptions } from './requests.ts';
import { type GraphFolder, type GraphMessage, type GraphPage, pageOf } from './resources.ts';

/** Graph's well-known folders and their IMAP special uses. */
const wellKnown: Readonly<Record<string, SpecialUse | 'inbox'>> = {
  inbox: 'inbox',
  drafts: '\\Drafts',
  sentitems: '\\Sent',
  deleteditems: '\\Trash',
  junkemail: '\\Junk',
  archive: '\\Archive',
};

const messageFields =
  'id,changeKey,isRead,isDraft,flag,categories,receivedDateTime,lastModifiedDateTime,sentDateTime,internetMessageId,subject,from,sender,replyTo,toRecipients,ccRecipients,bccRecipients';

/**
 * PidTagMessageSize, an estimate of the size of the MIME form; PidTagInReplyToId, PidTagInternetReferences;
 * PidTagTransportMessageHeaders.
 */
const messageSize = 'Integer 0xe08';
const inReplyTo = 'String 0x1042';
const references = 'String 0x1039';
const transportHeaders = 'String 0x7d';

export const propertyIds = { messageSize, inReplyTo, references, transportHeaders } as const;

/** The extended properties requested for messages in a list. */
const listedProperties = [lastVerb, imapDeleted, messageSize, inReplyTo, references];

/** A client waiting for a refusal should not wait long. */
const removalPatienceMs = 15_000;
const pageSize = 500;
const paged = { Prefer: `odata.maxpagesize=${pageSize}` };

function expanding(ids: readonly string[]): string {
  return `singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id}'`).join(' or ')})`;
}

/** Graph calls for the folders and messages of one mailbox. */
export class RemoteMail {
  readonly requests: MailboxRequests;

  constructor(requests: MailboxRequests) {
    this.requests = requests;
  }

  async folders(options: RequestOptions = {}): Promise<readonly GraphFolder[]> {
    const select = '$select=id,displayName,parentFolderId,totalItemCount,unreadItemCount';
    const folders: GraphFolder[] = [];
    let link: string | undefined = `/mailFolders/delta?${select}`;
    while (link !== undefined) {
      const page: GraphPage<GraphFolder> = pageOf(await this.requests.get(link, { ...options, headers: paged }));
      folders.push(...page.value.filter((folder) => folder['@removed'] === undefined));
      link = page.nextLink;
    }
    return folders;
  }

  /** IDs of the special-use folders; a mailbox need not have all of them. */
  async specialFolders(options: RequestOptions = {}): Promise<ReadonlyMap<string, SpecialUse | 'inbox' | 'root'>> {
    const names = [...Object.keys(wellKnown), 'msgfolderroot'];
    const answers = await this.requests.batch(
      names.map((name) => ({ method: 'GET', path: `/mailFolders/${name}?$select=id` })),
      options,
    );
    const found = new Map<string, SpecialUse | 'inbox' | 'root'>();
    for (const [index, answer] of answers.entries()) {
      const { id } = ('json' in answer ? answer.json : {}) as { id?: string };
      if (id !== undefined) found.set(id, wellKnown[names[index] ?? ''] ?? 'root');
    }
    return found;
  }

  /** Link to the first changes of a folder, which report everything in it. */
  firstChanges(folderId: string): string {
    return `/mailFolders/${encodeURIComponent(folderId)}/messages/delta?$select=${messageFields}`;
  }

  /** @throws GraphError 410 if the link has expired */
  async changes(link: string, options: RequestOptions = {}): Promise<GraphPage<GraphMessage>> {
    return pageOf(await this.requests.get(link, { ...options, headers: paged }));
  }

  /** A page of extended properties, of all messages or of those changed since a time. */
  async properties(
    folderId: string,
    from: { readonly sinceMs: number } | { readonly link: string },
    options: RequestOptions = {},
  ): Promise<GraphPage<GraphMessage>> {
    if ('link' in from) return pageOf(await this.requests.get(from.link, { ...options, headers: paged }));
    const query = [
      ...(from.sinceMs > 0 ? [`$filter=lastModifiedDateTime ge ${new Date(from.sinceMs).toISOString()}`] : []),
      `$select=id,lastModifiedDateTime`,
      `$expand=${expanding(listedProperties)}`,
      `$top=${pageSize}`,
    ].join('&');
    const path = `/mailFolders/${encodeURIComponent(folderId)}/messages?${query}`;
    return pageOf(await this.requests.get(path, { ...options, headers: paged }));
  }

  /** The folder each message is in; undefined if the message is gone. */
  async parents(
    ids: readonly string[],
    options: RequestOptions = {},
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const answers = await this.requests.batch(
      ids.map((id) => ({ method: 'GET', path: `${messagePath(id)}?$select=id,parentFolderId` })),
      options,
    );
    return new Map(ids.map((id, index) => [id, parentOf(answers[index] as BatchAnswer)]));
  }

  /** A message with its extended properties, as delta and the lists report it. */
  async message(id: string, options: RequestOptions = {}): Promise<GraphMessage> {
    const expand = expanding(listedProperties);
    const path = `${messagePath(id)}?$select=${messageFields},parentFolderId&$expand=${expand}`;
    return (await this.requests.get(path, options)) as GraphMessage;
  }

  /** Like {@link message}, for several; messages that are gone are left out. */
  async messages(ids: readonly string[], options: RequestOptions = {}): Promise<readonly GraphMessage[]> {
    const query = `?$select=${messageFields},parentFolderId&$expand=${expanding(listedProperties)}`;
    const answers = await this.requests.batch(
      ids.map((id) => ({ method: 'GET', path: `${messagePath(id)}${query}` })),
      options,
    );
    return answers.flatMap((answer) => {
      if ('json' in answer) return [answer.json as GraphMessage];
      if (answer.error.status === 404) return [];
      throw answer.error;
    });
  }

  /** The MIME form, as Exchange generates it now. */
  download(id: string, receive: (body: Readable) => Promise<void>, options: RequestOptions = {}): Promise<void> {
    return this.requests.download(`${messagePath(id)}/$value`, receive, options);
  }

  /**
   * The header that each message arrived with; undefined if Exchange has none, as for messages sent from this mailbox.
   */
  async headers(
    ids: readonly string[],
    options: RequestOptions = {},
  ): Promise<readonly (string | undefined | 'gone')[]> {
    const expand = expanding([transportHeaders]);
    const answers = await this.requests.batch(
      ids.map((id) => ({ method: 'GET', path: `${messagePath(id)}?$select=id&$expand=${expand}` })),
      options,
    );
    return answers.map((answer) => {
      if ('json' in answer) return (answer.json as GraphMessage).singleValueExtendedProperties?.[0]?.value;
      if (answer.error.status === 404) return 'gone';
      throw answer.error;
    });
  }

  /** IDs of the messages of a folder that match a filter; at most 250. */
  async filtered(folderId: string, filter: string, options: RequestOptions = {}): Promise<readonly string[]> {
    const query = `$filter=${encodeURIComponent(filter)}&$select=id&$top=250`;
    const path = `/mailFolders/${encodeURIComponent(folderId)}/messages?${query}`;
    return pageOf<GraphMessage>(await this.requests.get(path, options)).value.flatMap(({ id }) => id ?? []);
  }

  /** Removes messages that the bridge has just stored. @returns whether nothing is left of them; never rejects */
  async removeForGood(ids: readonly string[]): Promise<boolean> {
    const outcomes = await Promise.allSettled(ids.map((id) => this.#removeOne(id)));
    return outcomes.every((outcome) => outcome.status === 'fulfilled' || isGone(outcome.reason));
  }

  async #removeOne(id: string): Promise<void> {
    const options = { patienceMs: removalPatienceMs, once: false };
    try {
      await this.requests.send('POST', `${messagePath(id)}/permanentDelete`, {}, options);
    } catch (error) {
      if (!isUnknownAction(error)) throw error;
      await this.requests.send('DELETE', messagePath(id), undefined, options);
    }
  }

  /** The ID in Graph's answer. @throws GraphUnansweredError if there is none because the answer broke off */
  idOf(json: unknown): string {
    const { id } = (json ?? {}) as GraphMessage;
    if (id === undefined) throw new GraphUnansweredError(true, new Error('Graph does not say what it has stored.'));
    return id;
  }

  /** IDs of the messages of a folder that contain words, as Exchange's index finds them; at most 1,000. */
  async search(folderId: string, query: string, options: RequestOptions = {}): Promise<readonly string[]> {
    const found: string[] = [];
    const search = encodeURIComponent(`"${query.replace(/["\\]/g, ' ')}"`);
    let link: string | undefined =
      `/mailFolders/${encodeURIComponent(folderId)}/messages?$search=${search}&$select=id&$top=250`;
    while (link !== undefined) {
      const page: GraphPage<GraphMessage> = pageOf(await this.requests.get(link, options));
      found.push(...page.value.flatMap(({ id }) => id ?? []));
      link = page.nextLink;
    }
    return found;
  }
}

/** Path below the mailbox. */
export function messagePath(id: string): string {
  return `/messages/${encodeURIComponent(id)}`;
}

function parentOf(answer: BatchAnswer): string | undefined {
  if ('json' in answer) return (answer.json as GraphMessage).parentFolderId;
  if (answer.error.status === 404) return undefined;
  throw answer.error;
}
