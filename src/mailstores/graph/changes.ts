import { TimeSlice } from '../../base/turns/time-slice.ts';
import type { ChangedFlags, Flag, FlagsOutcome } from '../../mailbox/mail-store.ts';
import { isGone, isUnknownAction } from './errors.ts';
import { changesKeywords, combined, flagsOf, isDraft, patchOf } from './flags.ts';
import { isPropertyFlag } from './index/message-table.ts';
import { messageFacts, propertyFacts } from './remote/facts.ts';
import { messagePath } from './remote/mail.ts';
import type { BatchAnswer, BatchedRequest, RequestOptions } from './remote/requests.ts';
import type { GraphMessage } from './remote/resources.ts';
import type { FolderEdit } from './sync/edit.ts';
import type { FolderEntry, SyncedFolder } from './sync/folder.ts';
import type { SessionWatcher } from './sync/parts.ts';

/** Flags a message should have. */
interface Wanted {
  readonly entry: FolderEntry;
  readonly flags: readonly Flag[];
}

/**
 * Changes the flags of messages at Graph, and records the changes it accepts.
 * @throws GraphError of the first refused change, once the other changes sent with it are done
 */
export async function changeFlags(
  folder: SyncedFolder,
  change: {
    readonly uids: readonly number[];
    readonly how: 'add' | 'remove' | 'replace';
    readonly flags: readonly Flag[];
    readonly unchangedSince: number;
  },
  author: SessionWatcher,
  options: RequestOptions,
): Promise<FlagsOutcome> {
  const changed = new Map<number, ChangedFlags>();
  const modified: number[] = [];
  const wanted: Wanted[] = [];
  const marked: Wanted[] = [];
  const slice = new TimeSlice(options.signal);
  for (const uid of change.uids) {
    if (slice.isOver) await slice.next();
    const entry = folder.entry(uid);
    if (entry === undefined) continue;
    const { flags, modseq } = entry.summary;
    if (modseq > change.unchangedSince) {
      modified.push(uid);
      continue;
    }
    const next = combined(flags, change.how, change.flags);
    if (patchOf(flags, next) !== undefined) wanted.push({ entry, flags: next });
    else if (isDraft(flags) !== isDraft(next)) marked.push({ entry, flags: next });
    else changed.set(uid, { flags, modseq });
  }
  for (const [uid, now] of await markDrafts(folder, marked, author)) changed.set(uid, now);
  for (let start = 0; start < wanted.length; start += changedAtOnce) {
    const outcome = await writeFlags(folder, wanted.slice(start, start + changedAtOnce), change, author, options);
    for (const [uid, now] of outcome.changed) changed.set(uid, now);
    modified.push(...outcome.modified);
    if (outcome.error === undefined) continue;
    // The caller gets an error instead of these changes, so it is told separately.
    for (const [uid, now] of changed) author.tell({ kind: 'flags', uid, ...now });
    throw outcome.error;
  }
  // Others may have changed some meanwhile; the caller has been told of that before this answer.
  for (const uid of changed.keys()) {
    const now = folder.entries.get(uid);
    if (now !== undefined) changed.set(uid, { flags: now.flags, modseq: now.modseq });
  }
  return { changed, modified: modified.sort((a, b) => a - b) };
}

/** Messages changed at Graph before the changes are recorded; other work can run in between. */
const changedAtOnce = 200;

/** Kept in the index only: at Graph, only a message created as a draft is one. */
async function markDrafts(folder: SyncedFolder, marked: readonly Wanted[], author: SessionWatcher) {
  if (marked.length === 0) return new Map<number, ChangedFlags>();
  return await folder.edit((edit) => {
    const changed = new Map<number, ChangedFlags>();
    for (const { entry, flags } of marked) {
      const known = folder.parts.index.messages.get(folder.key, entry.id);
      if (known !== undefined) changed.set(known.uid, { flags, modseq: edit.setFlags(known, flags, known.changeKey) });
    }
    return changed;
  }, author);
}

async function writeFlags(
  folder: SyncedFolder,
  wanted: readonly Wanted[],
  change: Parameters<typeof changeFlags>[1],
  author: SessionWatcher,
  options: RequestOptions,
): Promise<{ changed: ReadonlyMap<number, ChangedFlags>; modified: readonly number[]; error: unknown }> {
  const changed = new Map<number, ChangedFlags>();
  const isConditional = Number.isFinite(change.unchangedSince);
  const ids = wanted.map(({ entry }) => entry.id);
  let modified: number[] = [];
  const end = folder.changing(ids);
  let error: unknown;
  try {
    const requests = wanted.map((each) => patchRequest(each, isConditional, folder.changeKey(each.entry.id)));
    const answers = await folder.parts.mail.requests.batch(requests, options);
    const written = await folder.edit((edit) => takenFlags(folder, wanted, answers, edit), author);
    for (const [uid, now] of written) changed.set(uid, now);
    const { stale, refused } = refusals(wanted, answers);
    error = refused;
    if (isConditional) modified = stale.map(({ summary }) => summary.uid);
    else for (const entry of stale) await changeStale(folder, entry, change, changed, options);
  } catch (caught) {
    error ??= caught;
  } finally {
    await end();
  }
  return { changed, modified, error };
}

/** Records the flags that Graph accepted. */
function takenFlags(
  folder: SyncedFolder,
  wanted: readonly Wanted[],
  answers: readonly BatchAnswer[],
  edit: FolderEdit,
): ReadonlyMap<number, ChangedFlags> {
  const changed = new Map<number, ChangedFlags>();
  for (const [at, { entry, flags }] of wanted.entries()) {
    const answer = answers[at] as BatchAnswer;
    const known = 'error' in answer ? undefined : folder.parts.index.messages.get(folder.key, entry.id);
    if ('error' in answer || known === undefined) continue;
    const now = (answer.json ?? {}) as GraphMessage;
    const told = asTold(flags, now);
    changed.set(known.uid, { flags: told, modseq: edit.setFlags(known, told, now.changeKey ?? known.changeKey) });
  }
  return changed;
}

/** Messages changed by others meanwhile, and Graph's first error for the other refused ones. */
function refusals(wanted: readonly Wanted[], answers: readonly BatchAnswer[]) {
  const stale: FolderEntry[] = [];
  let refused: unknown;
  for (const [at, { entry }] of wanted.entries()) {
    const answer = answers[at] as BatchAnswer;
    if (!('error' in answer)) continue;
    if (answer.error.status === 412) stale.push(entry);
    else if (!isGone(answer.error)) refused ??= answer.error;
  }
  return { stale, refused };
}

/** Graph's answer includes what others changed meanwhile, except for flags kept in extended properties. */
function asTold(wanted: readonly Flag[], now: GraphMessage): readonly Flag[] {
  if (now.isRead === undefined || now.flag === undefined || now.categories === undefined) return wanted;
  const told = flagsOf(now);
  return [...told, ...wanted.filter((flag) => isPropertyFlag(flag) || (flag === '\\Draft' && !isDraft(told)))];
}

function patchRequest({ entry, flags }: Wanted, isConditional: boolean, changeKey = ''): BatchedRequest {
  const before = entry.summary.flags;
  // Categories are written all at once: those set by others must not be overwritten unseen.
  const guarded = (isConditional || changesKeywords(before, flags)) && changeKey !== '';
  return {
    method: 'PATCH',
    path: messagePath(entry.id),
    json: patchOf(before, flags) ?? {},
    ...(guarded && { headers: { 'If-Match': `W/"${changeKey}"` } }),
  };
}

/** Reads a message that others have changed, and changes it again. */
async function changeStale(
  folder: SyncedFolder,
  entry: FolderEntry,
  { how, flags }: Parameters<typeof changeFlags>[1],
  changed: Map<number, ChangedFlags>,
  options: RequestOptions,
): Promise<void> {
  const { mail, index } = folder.parts;
  const [now] = await mail.messages([entry.id], options);
  const facts = now && messageFacts(now);
  // The message is gone.
  if (now === undefined || facts === undefined) return;
  const told = [...facts.flags, ...(propertyFacts(now)?.flags ?? [])];
  const next = combined(isDraft(entry.summary.flags) && !isDraft(told) ? [...told, '\\Draft'] : told, how, flags);
  const patch = patchOf(told, next);
  let json: GraphMessage | undefined;
  try {
    json = patch && ((await mail.requests.send('PATCH', messagePath(entry.id), patch, options)) as GraphMessage);
  } catch (error) {
    if (isGone(error)) return;
    throw error;
  }
  // The caller gets the flags in the answer; changes by others are reported to everyone.
  const written = await folder.edit((edit) => {
    const known = index.messages.get(folder.key, entry.id);
    if (known === undefined) return undefined;
    return { uid: known.uid, modseq: edit.setFlags(known, next, json?.changeKey ?? facts.changeKey) };
  });
  if (written !== undefined) changed.set(written.uid, { flags: next, modseq: written.modseq });
}

/**
 * Removes messages permanently.
 * @returns UIDs of the removed messages, ascending @throws GraphError of the first failure, once the others are done
 */
export async function removeMessages(
  folder: SyncedFolder,
  uids: readonly number[],
  author: SessionWatcher,
  options: RequestOptions,
): Promise<readonly number[]> {
  const entries = uids.flatMap((uid) => folder.entry(uid) ?? []);
  const gone: number[] = [];
  for (let start = 0; start < entries.length; start += changedAtOnce) {
    const ids = entries.slice(start, start + changedAtOnce).map(({ id }) => id);
    const { removed, failure } = await removeSome(folder, ids, author, options).catch((failure: unknown) => ({
      ...{ removed: [], failure },
    }));
    gone.push(...removed);
    if (failure === undefined) continue;
    // The caller gets an error instead of these removals, so it is told separately.
    if (gone.length > 0) author.tell({ kind: 'removed', uids: gone, modseq: folder.facts.modseq });
    throw failure;
  }
  return gone;
}

async function removeSome(
  folder: SyncedFolder,
  ids: readonly string[],
  author: SessionWatcher,
  options: RequestOptions,
): Promise<{ removed: readonly number[]; failure: unknown }> {
  const end = folder.changing(ids);
  try {
    return await removeAtGraph(folder, ids, author, options);
  } finally {
    await end();
  }
}

async function removeAtGraph(
  folder: SyncedFolder,
  ids: readonly string[],
  author: SessionWatcher,
  options: RequestOptions,
): Promise<{ removed: readonly number[]; failure: unknown }> {
  const answers = await folder.parts.mail.requests.batch(
    ids.map((id) => ({ method: 'POST', path: `${messagePath(id)}/permanentDelete`, json: {} })),
    options,
  );
  const left = ids.filter((_, at) => {
    const answer = answers[at] as BatchAnswer;
    return 'error' in answer && isUnknownAction(answer.error);
  });
  const deleted = await folder.parts.mail.requests.batch(
    left.map((id) => ({ method: 'DELETE', path: messagePath(id) })),
    options,
  );
  const answerOf = (id: string, at: number) =>
    (left.includes(id) ? deleted[left.indexOf(id)] : answers[at]) as BatchAnswer;
  const failures = ids.flatMap((id, at) => {
    const answer = answerOf(id, at);
    return 'error' in answer && !isGone(answer.error) ? [{ id, error: answer.error }] : [];
  });
  const failed = new Set(failures.map(({ id }) => id));
  const gone = ids.filter((id) => !failed.has(id));
  const removed = await folder.edit((edit) => edit.remove(gone), author);
  return { removed, failure: failures[0]?.error };
}

/**
 * Copies or moves messages to another folder, in order.
 * @returns old and new UIDs of those that existed @throws GraphError of the first that failed
 */
export async function transferMessages(
  folder: SyncedFolder,
  target: SyncedFolder,
  how: { readonly action: 'copy' | 'move'; readonly uids: readonly number[] },
  author: SessionWatcher,
  options: RequestOptions,
): Promise<{ readonly from: readonly number[]; readonly to: readonly number[] }> {
  const { mail } = folder.parts;
  const entries = how.uids.flatMap((uid) => folder.entry(uid) ?? []);
  const destinationId = target.facts.id;
  const from: number[] = [];
  const to: number[] = [];
  let failure: unknown;
  for (let start = 0; start < entries.length && failure === undefined; start += transferredAtOnce) {
    const some = entries.slice(start, start + transferredAtOnce);
    const ends = [folder, target].map((each) => each.changing(some.map(({ id }) => id)));
    try {
      const answers = await mail.requests.batch(
        some.map(({ id }) => ({ method: 'POST', path: `${messagePath(id)}/${how.action}`, json: { destinationId } })),
        { ...options, once: true },
      );
      const refused = answers.find((answer) => 'error' in answer && !isGone(answer.error));
      failure = refused && 'error' in refused ? refused.error : undefined;
      const came = await target.edit((edit) => takeOver(folder, target, some, answers, edit));
      from.push(...came.map((each) => each.from));
      to.push(...came.map((each) => each.to));
      if (how.action === 'move') await folder.edit((edit) => edit.remove(came.map(({ id }) => id)), author);
    } catch (error) {
      failure = error;
    } finally {
      for (const end of ends) await end();
    }
  }
  if (failure === undefined) return { from, to };
  // The caller gets an error instead of these removals, so it is told separately.
  if (how.action === 'move' && from.length > 0) {
    author.tell({ kind: 'removed', uids: from, modseq: folder.facts.modseq });
  }
  throw failure;
}

/**
 * Adds messages that Graph has put into another folder to that folder's index.
 * @returns each previous ID with the UIDs
 */
function takeOver(
  folder: SyncedFolder,
  target: SyncedFolder,
  entries: readonly FolderEntry[],
  answers: readonly BatchAnswer[],
  edit: FolderEdit,
): readonly { readonly id: string; readonly from: number; readonly to: number }[] {
  const { messages } = folder.parts.index;
  return entries.flatMap((entry, at) => {
    const answer = answers[at] as BatchAnswer;
    const known = 'error' in answer ? undefined : messages.get(folder.key, entry.id);
    if ('error' in answer || known === undefined) return [];
    const { id = entry.id, changeKey = '' } = (answer.json ?? {}) as GraphMessage;
    const { envelope = '{}', inReplyTo, references } = messages.envelope(folder.key, entry.id) ?? {};
    const to = edit.add({ ...known, id, changeKey }, envelope);
    messages.setAncestry(target.key, id, { inReplyTo, references });
    return [{ id: entry.id, from: known.uid, to }];
  });
}

/** One batch, so that the index is never far behind Graph. */
const transferredAtOnce = 20;
