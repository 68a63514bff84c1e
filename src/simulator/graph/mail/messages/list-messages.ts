import type { HttpAnswer } from '../../../http/http-server.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import type { StoredMessage } from '../../../mailboxes/stored-message.ts';
import { GraphFault } from '../../graph-error.ts';
import { findMessageFolder } from '../folders/find-folder.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { nextLink, pageSizeOf, skippedBy } from '../paging.ts';
import { Described } from './describe-message.ts';
import { readFilter } from './message-filter.ts';
import { readSearch } from './message-search.ts';
import { viewOf } from './message-view.ts';

/** `GET …/messages` and `…/mailFolders/{id}/messages`. Learn, "List messages". @throws GraphFault */
export function listMessages(request: MailRequest, key: string | undefined): HttpAnswer {
  const { http } = request;
  const mailbox = mailboxOf(request);
  const folders = key === undefined ? mailbox.folders() : [findMessageFolder(mailbox, key)];
  const view = viewOf(http);
  const [skip, top] = [skippedBy(http), pageSizeOf(http)];
  const { count, page } = found(request, folders, skip, top);
  return {
    status: 200,
    body: {
      ...(http.url.searchParams.get('$count') === 'true' ? { '@odata.count': count } : {}),
      value: page.map(view),
      ...(skip + top < count && top > 0 ? { '@odata.nextLink': nextLink(http, skip + top) } : {}),
    },
  };
}

/** One page, and the total number of messages. */
function found(request: MailRequest, folders: readonly MailboxFolder[], skip: number, top: number) {
  const query = request.http.url.searchParams;
  const filter = readFilter(query.get('$filter'));
  const search = readSearch(query);
  const { at, descending } = orderOf(query.get('$orderby'), filter.text);
  const { drafts } = request.services;
  const describe = (folder: MailboxFolder, message: StoredMessage) =>
    new Described({ folder, message }, drafts.of({ folder, message }));
  const [only] = folders;
  // A page of a large folder must cost no more than a page.
  if (only && folders.length === 1 && filter.matches === undefined && search === undefined && at === receivedAt) {
    const uids = only.byReceived();
    const { length } = uids;
    const page = descending
      ? uids.slice(Math.max(0, length - skip - top), Math.max(0, length - skip)).reverse()
      : uids.slice(skip, skip + top);
    const messages = page.flatMap((uid) => only.get(uid) ?? []);
    return { count: length, page: messages.map((message) => describe(only, message)) };
  }
  const all: Described[] = [];
  for (const folder of folders) {
    for (const message of folder.messages()) {
      const described = describe(folder, message);
      if ((filter.matches?.(described) ?? true) && (search?.(described) ?? true)) all.push(described);
    }
  }
  all.sort((a, b) => (descending ? -1 : 1) * (at(a) - at(b) || a.message.uid - b.message.uid));
  return { count: all.length, page: all.slice(skip, skip + top) };
}

type When = (message: Described) => number;

const receivedAt: When = ({ message }) => message.internalDate.getTime();

/** The properties that lists can be ordered by. */
const orders: Readonly<Record<string, When>> = {
  receiveddatetime: receivedAt,
  sentdatetime: ({ sentAt }) => sentAt.getTime(),
  createddatetime: ({ message }) => message.createdAt.getTime(),
  lastmodifieddatetime: ({ message }) => message.modifiedAt.getTime(),
};

/** Newest first by default. The property to order by must also be in the filter. */
function orderOf(orderBy: string | null, filter: string): { readonly at: When; readonly descending: boolean } {
  if (orderBy === null) return { at: receivedAt, descending: true };
  const [, property = '', direction] = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/i.exec(orderBy) ?? [];
  const at = orders[property.toLowerCase()];
  if (at === undefined) throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Cannot order by '${orderBy}'.`);
  if (filter !== '' && !filter.trim().toLowerCase().startsWith(property.toLowerCase())) {
    throw new GraphFault(400, 'InefficientFilter', 'The restriction or sort order is too complex for this operation.');
  }
  return { at, descending: direction?.toLowerCase() === 'desc' };
}
