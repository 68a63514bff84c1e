import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { GraphFault } from '../graph-error.ts';
import {
  type Described,
  describe,
  extendedProperty,
  internetMessageHeaders,
  propertiesOf,
} from './describe-message.ts';
import { allFolders, findItem, folderNamed, wantsImmutableIds } from './item-ids.ts';
import type { MailRequest } from './mail-request.ts';
import { readFilter } from './message-filter.ts';

/** `GET …/messages` and `…/mailFolders/{name}/messages`. Learn, "List messages". */
export function listMessages(request: MailRequest, folder: string | undefined): HttpAnswer {
  const { url } = request.http;
  const query = url.searchParams;
  const folders = folder === undefined ? allFolders : [folderNamed(folder)];
  const view = viewOf(request.http);
  const filter = readFilter(query.get('$filter'));
  const newestFirst = order(query.get('$orderby'), filter.text);
  const found = folders.flatMap((name) => described(request, name)).filter(filter.matches);
  const sorted = found.sort((a, b) => {
    const byTime = a.message.internalDate.getTime() - b.message.internalDate.getTime() || a.message.uid - b.message.uid;
    return newestFirst ? -byTime : byTime;
  });
  const [skip, top] = [countOf(query.get('$skip'), 0), countOf(query.get('$top'), 10)];
  const page = sorted.slice(skip, skip + top);
  const next = new URL(url.pathname + url.search, `https://${request.http.headers.host}`);
  next.searchParams.set('$skip', String(skip + top));
  return {
    status: 200,
    body: {
      ...(query.get('$count') === 'true' ? { '@odata.count': found.length } : {}),
      value: page.map(view),
      ...(skip + top < found.length && top > 0 ? { '@odata.nextLink': next.href } : {}),
    },
  };
}

/** `GET …/messages/{id}`. Learn, "Get message". */
export function getMessage({ services, mailbox, http }: MailRequest, id: string): HttpAnswer {
  const item = findItem(services.directory, mailbox, id);
  return { status: 200, body: viewOf(http)(describe(item, services.drafts.of(mailbox, item))) };
}

/** `GET …/messages/{id}/$value`: the message as MIME. */
export function getMimeContent({ services, mailbox }: MailRequest, id: string): HttpAnswer {
  const item = findItem(services.directory, mailbox, id);
  const content = services.drafts.of(mailbox, item)?.compose() ?? item.message.content;
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: content };
}

function described({ services, mailbox }: MailRequest, folder: string): readonly Described[] {
  return services.directory.messages(mailbox, folder).map((message) => {
    const item = { folder, message };
    return describe(item, services.drafts.of(mailbox, item));
  });
}

/** How a request's query wants to see messages. @throws GraphFault 400 */
export function viewOf(http: IncomingHttpRequest): (message: Described) => object {
  const query = http.url.searchParams;
  const select = query
    .get('$select')
    ?.split(',')
    .map((property) => property.trim().toLowerCase());
  const expandedIds = idsToExpand(query.get('$expand'));
  const immutableIds = wantsImmutableIds(http);
  return (message) => {
    const all: Record<string, unknown> = propertiesOf(message, immutableIds);
    // Shown to those alone who ask for them, and not of sent messages (github.com/microsoftgraph/microsoft-graph-docs,
    // issues 2716 and 18761).
    if (select?.includes('internetmessageheaders') && message.folder !== 'Sent Items')
      all.internetMessageHeaders = internetMessageHeaders(message);
    // The id is always part of the answer.
    const shown = Object.entries(all).filter(([key]) => key === 'id' || (select?.includes(key.toLowerCase()) ?? true));
    return { ...Object.fromEntries(shown), ...expanded(message, expandedIds) };
  };
}

/** `$expand=singleValueExtendedProperties($filter=id eq '…' or id eq '…')`. @throws GraphFault 400 */
function idsToExpand(expand: string | null): readonly string[] {
  if (expand === null) return [];
  const filter = /^singleValueExtendedProperties\(\$filter=(.*)\)$/i.exec(expand.trim())?.[1];
  const ids = [...(filter ?? '').matchAll(/\bid eq '((?:[^']|'')*)'/gi)].map(([, id = '']) => id.replaceAll("''", "'"));
  if (ids.length > 0) return ids;
  throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Cannot expand '${expand}'.`);
}

function expanded(message: Described, ids: readonly string[]): object {
  const found = ids.flatMap((id) => {
    const value = extendedProperty(message, id);
    return value === undefined ? [] : [{ id, value }];
  });
  return found.length === 0 ? {} : { singleValueExtendedProperties: found };
}

/** Newest first, unless asked otherwise. What orders has to stand in the filter, too. */
function order(orderBy: string | null, filter: string): boolean {
  if (orderBy === null) return true;
  const [, property = '', direction] =
    /^\s*(receivedDateTime|sentDateTime|createdDateTime|lastModifiedDateTime)(?:\s+(asc|desc))?\s*$/i.exec(orderBy) ??
    [];
  if (property === '') throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Cannot order by '${orderBy}'.`);
  if (filter !== '' && !filter.trim().toLowerCase().startsWith(property.toLowerCase())) {
    throw new GraphFault(400, 'InefficientFilter', 'The restriction or sort order is too complex for this operation.');
  }
  return direction?.toLowerCase() === 'desc';
}

function countOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 1000) return count;
  throw new GraphFault(400, 'ErrorInvalidUrlQuery', `Invalid value '${text}' for a paging option.`);
}
