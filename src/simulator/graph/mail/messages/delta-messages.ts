import type { HttpAnswer } from '../../../http/http-server.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import type { StoredMessage } from '../../../mailboxes/stored-message.ts';
import { GraphFault } from '../../graph-error.ts';
import { findMessageFolder } from '../folders/find-folder.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { hrefOf, linkTo, pageSizeOf, readToken, tokenOf } from '../paging.ts';
import { Described } from './describe-message.ts';
import { idOf } from './item-ids.ts';
import { type MessageView, readView, shownBy } from './message-view.ts';

const changeTypes = ['created', 'updated', 'deleted'] as const;
type ChangeType = (typeof changeTypes)[number];

/** State in the links of a round. */
interface DeltaState extends Omit<MessageView, 'immutableIds'> {
  readonly folder: string;
  /** Only messages received from then on, in milliseconds since 1970. */
  readonly receivedFrom: number;
  readonly top: number | undefined;
  /** The one kind of change that later rounds return. */
  readonly changeType: ChangeType | undefined;
  /** In the first round: the last UID returned. */
  readonly after: number | undefined;
  /** Where the changes of the next page or round start. */
  readonly since: number;
  /** Where the changes of this round start. */
  readonly begun: number;
}

/** A page of a round: its entries, and the state for its link. */
interface DeltaPage {
  readonly value: readonly object[];
  readonly next: DeltaState;
  readonly isLast: boolean;
}

/** `GET …/mailFolders/{id}/messages/delta`. Learn, "message: delta". @throws GraphFault */
export function deltaMessages(request: MailRequest, key: string): HttpAnswer {
  const { http } = request;
  const folder = findMessageFolder(mailboxOf(request), key);
  const token = http.url.searchParams.get('$skiptoken') ?? http.url.searchParams.get('$deltatoken');
  const state = token === null ? firstState(request, folder) : readToken<DeltaState>(token);
  if (state.folder !== folder.id || !folder.remembers(state.since)) {
    throw new GraphFault(410, 'syncStateNotFound', 'The sync state generation is not found; resync is required.');
  }
  const page = state.after === undefined ? changes(request, folder, state) : firstRound(request, folder, state);
  const link = linkTo(http);
  link.searchParams.set(page.isLast ? '$deltatoken' : '$skiptoken', tokenOf(page.next));
  return {
    status: 200,
    body: { value: page.value, [page.isLast ? '@odata.deltaLink' : '@odata.nextLink']: hrefOf(link) },
  };
}

/** @throws GraphFault 400 for options that delta queries do not support */
function firstState(request: MailRequest, folder: MailboxFolder): DeltaState {
  const { http } = request;
  const query = http.url.searchParams;
  const filter = query.get('$filter');
  const from = /^\s*receivedDateTime\s+g[et]\s+(\S+)\s*$/i.exec(filter ?? '')?.[1];
  const receivedFrom = filter === null ? 0 : Date.parse(from ?? '');
  const order = query.get('$orderby');
  const odd = query.has('$search') || (order !== null && !/^\s*receivedDateTime(\s+desc)?\s*$/i.test(order));
  if (odd || Number.isNaN(receivedFrom)) {
    throw new GraphFault(400, 'ErrorInvalidUrlQuery', 'The query parameter is not supported with change tracking.');
  }
  const { select, expand } = readView(http);
  const kind = query.get('changeType');
  const changeType = changeTypes.find((each) => each === kind?.toLowerCase());
  if (kind !== null && changeType === undefined) {
    throw new GraphFault(400, 'ErrorInvalidUrlQuery', `The changeType '${kind}' is not supported.`);
  }
  const top = query.has('$top') ? pageSizeOf(http) : undefined;
  const since = mailboxOf(request).changes;
  return { folder: folder.id, select, expand, receivedFrom, top, changeType, after: 0, since, begun: since };
}

/** Every message, ascending by UID. Concurrent changes are returned in the next round. */
function firstRound(request: MailRequest, folder: MailboxFolder, state: DeltaState): DeltaPage {
  const size = state.top ?? pageSizeOf(request.http);
  const show = shower(request, folder, state);
  const uids = folder.uids();
  const value: object[] = [];
  let last = state.after ?? 0;
  for (let index = firstAbove(uids, last); index < uids.length && value.length < size; index++) {
    last = uids[index] ?? last;
    const message = folder.get(last);
    if (message !== undefined && message.internalDate.getTime() >= state.receivedFrom) value.push(show(message));
  }
  const isLast = last >= (uids.at(-1) ?? 0);
  return { value, isLast, next: { ...state, after: isLast ? undefined : last } };
}

/** Added, changed and removed messages, each once. */
function changes(request: MailRequest, folder: MailboxFolder, state: DeltaState): DeltaPage {
  const size = state.top ?? pageSizeOf(request.http);
  const { immutableIds } = readView(request.http);
  const show = shower(request, folder, state);
  const mailbox = mailboxOf(request);
  const losesMoves = request.services.behaviour.deltaLosesMoves;
  const value: object[] = [];
  let since = state.since;
  for (const { at, uid, immutableId, message } of folder.changesSince(state.since)) {
    if (value.length === size) return { value, isLast: false, next: { ...state, since } };
    since = at;
    if (state.changeType !== undefined && state.changeType !== kindOf(message, state.begun)) continue;
    if (message === undefined) {
      // With immutable ids, a message that came back is not removed.
      const isBack = immutableIds && !losesMoves && mailbox.placeOf(immutableId)?.folder === folder;
      if (isBack) continue;
      value.push({ id: idOf(folder, uid, immutableId, immutableIds), '@removed': { reason: 'deleted' } });
    } else if (
      message.internalDate.getTime() >= state.receivedFrom &&
      !(losesMoves && folder.leftIn(immutableId) > state.begun)
    ) {
      value.push(show(message));
    }
  }
  return { value, isLast: true, next: { ...state, since, begun: since } };
}

/** What happened to a message after a point in time; nothing is left of a removed one. */
function kindOf(message: StoredMessage | undefined, begun: number): ChangeType {
  if (message === undefined) return 'deleted';
  return message.enteredIn > begun ? 'created' : 'updated';
}

function shower({ services, http }: MailRequest, folder: MailboxFolder, { select, expand }: DeltaState) {
  const { immutableIds } = readView(http);
  const show = shownBy({ select, expand: services.behaviour.deltaExtendedProperties ? expand : [], immutableIds });
  return (message: StoredMessage) => {
    const item = { folder, message };
    return { '@odata.type': '#microsoft.graph.message', ...show(new Described(item, services.drafts.of(item))) };
  };
}

/** The index of the first number above `limit` in an ascending list. */
function firstAbove(ascending: readonly number[], limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
