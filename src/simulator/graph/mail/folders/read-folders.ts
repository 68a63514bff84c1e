import type { HttpAnswer } from '../../../http/http-server.ts';
import { GraphFault } from '../../graph-error.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { hrefOf, linkTo, nextLink, pageSizeOf, readToken, skippedBy, tokenOf } from '../paging.ts';
import { findFolder } from './find-folder.ts';
import { childrenOf, displayNameOf, folderView, folderViewOf } from './folder-view.ts';

/** `GET …/mailFolders` and `…/mailFolders/{id}/childFolders`. Learn, "List mailFolders". @throws GraphFault */
export function listFolders(request: MailRequest, key = 'msgfolderroot'): HttpAnswer {
  const { http } = request;
  const mailbox = mailboxOf(request);
  const wanted = nameFilter(http.url.searchParams.get('$filter'));
  const all = childrenOf(mailbox, findFolder(mailbox, key)).filter(
    (folder) => wanted === undefined || displayNameOf(folder).toLowerCase() === wanted,
  );
  const [skip, top] = [skippedBy(http), pageSizeOf(http)];
  return {
    status: 200,
    body: {
      ...(http.url.searchParams.get('$count') === 'true' ? { '@odata.count': all.length } : {}),
      value: all.slice(skip, skip + top).map(folderViewOf(mailbox, http)),
      ...(skip + top < all.length && top > 0 ? { '@odata.nextLink': nextLink(http, skip + top) } : {}),
    },
  };
}

/** `GET …/mailFolders/{id}`. Learn, "Get mailFolder". @throws GraphFault */
export function getFolder(request: MailRequest, key: string): HttpAnswer {
  const mailbox = mailboxOf(request);
  return { status: 200, body: folderViewOf(mailbox, request.http)(findFolder(mailbox, key)) };
}

/** State in the links of a round. */
interface FolderDeltaState {
  readonly mailbox: string;
  readonly select: readonly string[] | undefined;
  /** 0 for everything. */
  readonly since: number;
  /** Where the next round starts. */
  readonly until: number;
  readonly skip: number;
}

/** `GET …/mailFolders/delta`: the folders of every level. Learn, "mailFolder: delta". @throws GraphFault */
export function deltaFolders(request: MailRequest): HttpAnswer {
  const { http } = request;
  const mailbox = mailboxOf(request);
  const query = http.url.searchParams;
  const token = query.get('$skiptoken') ?? query.get('$deltatoken');
  const select = query
    .get('$select')
    ?.split(',')
    .map((name) => name.trim().toLowerCase());
  const begun = { mailbox: mailbox.rootId, select, since: 0, until: mailbox.changes, skip: 0 };
  const state = token === null ? begun : readToken<FolderDeltaState>(token);
  if (state.mailbox !== mailbox.rootId) {
    throw new GraphFault(410, 'syncStateNotFound', 'The sync state generation is not found; resync is required.');
  }
  const until = query.has('$deltatoken') ? mailbox.changes : state.until;
  const changed = mailbox.folders().filter(({ changedIn }) => changedIn > state.since);
  const removed = state.since === 0 ? [] : mailbox.removedSince(state.since);
  const all = [
    ...changed.map(folderView(mailbox, state.select)),
    ...removed.map((id) => ({ id, '@removed': { reason: 'deleted' } })),
  ];
  const end = state.skip + pageSizeOf(http);
  const link = linkTo(http);
  const isLast = end >= all.length;
  if (isLast) link.searchParams.set('$deltatoken', tokenOf({ ...state, since: until, until, skip: 0 }));
  else link.searchParams.set('$skiptoken', tokenOf({ ...state, until, skip: end }));
  const name = isLast ? '@odata.deltaLink' : '@odata.nextLink';
  return { status: 200, body: { value: all.slice(state.skip, end), [name]: hrefOf(link) } };
}

/** `displayName eq '…'`, in lower case. @throws GraphFault 400 for anything else */
function nameFilter(filter: string | null): string | undefined {
  if (filter === null) return undefined;
  const name = /^\s*displayName eq '((?:[^']|'')*)'\s*$/i.exec(filter)?.[1];
  if (name !== undefined) return name.replaceAll("''", "'").toLowerCase();
  throw new GraphFault(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');
}
