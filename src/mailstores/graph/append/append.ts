import { embeddable, embeddedContents } from '../../../graph/json/embedded.ts';
import { type FaithfulForm, surveyMessage } from '../../../graph/json/form.ts';
import { jsonMessage } from '../../../graph/json/message.ts';
import { uploadAttachments } from '../../../graph/upload/attachments.ts';
import { Draft, type DraftPlace } from '../../../graph/upload/draft.ts';
import { MailStoreError } from '../../../mailbox/mail-store.ts';
import { parseAddressList } from '../../../message/address/address.ts';
import type { HeaderBlock } from '../../../message/header/fields.ts';
import { combined, patchOf } from '../flags.ts';
import { messagePath, type RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { MailboxImport } from './import.ts';
import { createdFromMime, inFolder } from './mime-draft.ts';
import type { AppendNote, UnsettledAppends } from './notes.ts';
import { markerOf, messagesMarked, storedOnce, UnsureOutcome } from './outcome.ts';
import type { SpooledMessage } from './spool.ts';

/** Where to store messages. */
export interface AppendPlace {
  readonly mail: RemoteMail;
  readonly uploads: DraftPlace;
  readonly notes: UnsettledAppends;
  /** Graph's ID of the folder. */
  readonly folderId: string;
  readonly isDrafts: boolean;
  /** Stores messages that are not drafts, unchanged; undefined if import is not permitted. */
  readonly imports: MailboxImport | undefined;
}

/** Request options for storing messages. */
export type AppendOptions = RequestOptions & { readonly signal: AbortSignal };

/** Largest message sent as MIME in one request: in base64 it stays below 4 MB. */
const maxMimeBytes = 2_900_000;

/**
 * Stores messages, all or none as far as that can be known: if one fails, those stored before it are removed. A small
 * draft is sent as MIME and stays unchanged, as does a small message that is not a draft if import is permitted.
 * Everything else is sent as JSON, from which Exchange builds a new message.
 * @returns their IDs @throws MailStoreError `not-permitted` for messages JSON would change; GraphError and related
 * errors
 */
export async function appendMessages(
  place: AppendPlace,
  messages: readonly SpooledMessage[],
  options: AppendOptions,
): Promise<readonly string[]> {
  const stored: { readonly id: string; readonly note: AppendNote | undefined }[] = [];
  try {
    for (const message of messages) stored.push(await appendMessage(place, message, options));
  } catch (error) {
    const isRemoved = await place.mail.removeForGood(stored.map(({ id }) => id));
    // Whatever could not be removed is found when the client sends it again.
    for (const { note } of stored) await note?.end(isRemoved);
    throw error;
  }
  for (const { note } of stored) await note?.end(true);
  return stored.map(({ id }) => id);
}

async function appendMessage(place: AppendPlace, message: SpooledMessage, options: AppendOptions) {
  if (message.isDraft && message.size <= maxMimeBytes) {
    return { id: await createdAsDraft(place, message, options), note: undefined };
  }
  const note = await place.notes.begin(`${place.folderId} ${message.digest}`);
  try {
    const before = note.isAgain ? await messagesMarked(place.mail, place.folderId, note.marker, options) : [];
    const marked = { ...options, marker: note.marker, before };
    const { imports } = place;
    const isImported = imports !== undefined && message.size <= maxMimeBytes;
    const id = await (isImported
      ? imported({ ...place, imports }, message, marked)
      : createdFromJson(place, message, marked));
    return { id, note };
  } catch (error) {
    const isUnsure = error instanceof UnsureOutcome;
    await note.end(!isUnsure && !note.isAgain);
    throw isUnsure ? error.cause : error;
  }
}

/** The marker to find the message by, and what an earlier command with the same message left behind. */
type MarkedOptions = AppendOptions & { readonly marker: string; readonly before: readonly string[] };

async function createdAsDraft(place: AppendPlace, message: SpooledMessage, options: AppendOptions): Promise<string> {
  const { mail } = place;
  const id = await createdFromMime(mail, message, options);
  try {
    // Set before the move, so that a failure leaves nothing in the folder.
    const marks = patchOf(['\\Draft', '\\Seen'], combined(['\\Draft'], 'add', message.flags));
    if (marks !== undefined) await mail.requests.send('PATCH', messagePath(id), marks, options);
    return place.isDrafts ? id : await inFolder(mail, id, place.folderId, options);
  } catch (error) {
    // The client sees the failure and sends the message again.
    await mail.removeForGood([id]);
    throw error;
  }
}

/** Creates a draft, which import turns into a received message. */
async function imported(
  place: AppendPlace & { readonly imports: MailboxImport },
  message: SpooledMessage,
  options: MarkedOptions,
): Promise<string> {
  const { mail, folderId, imports } = place;
  const [before] = options.before;
  if (before !== undefined) return before;
  const draftId = await createdFromMime(mail, message, options);
  try {
    const flags = combined([], 'add', message.flags).filter((flag) => flag !== '\\Seen');
    const { singleValueExtendedProperties = [], ...marks } = patchOf([], flags) ?? {};
    const properties = [...(singleValueExtendedProperties as object[]), markerOf(options.marker)];
    const patch = { ...marks, singleValueExtendedProperties: properties };
    await mail.requests.send('PATCH', messagePath(draftId), patch, options);
    const { isRead, receivedMs } = message;
    const store = () => imports.asReceived({ draftId, folderId, isRead, receivedMs }, options);
    return await storedOnce(place, options.marker, store, options);
  } finally {
    await mail.removeForGood([draftId]);
  }
}

async function createdFromJson(place: AppendPlace, message: SpooledMessage, options: MarkedOptions): Promise<string> {
  const { open, size } = message;
  const form = await surveyMessage(open, size);
  if (form.jsonForm === 'lossy') throw new MailStoreError('not-permitted', unstorable(form.reason));
  const bare = bareMessage(form, message, options.marker);
  const embedded = embeddable(form.attachments, bare);
  const rest = form.attachments.filter((attachment) => !embedded.includes(attachment));
  const [before] = options.before;
  if (before !== undefined && rest.length === 0) return before;
  // It is unknown how much of the message was stored.
  await place.mail.removeForGood(options.before);
  const attachments = await embeddedContents(open, embedded);
  const path = `/mailFolders/${encodeURIComponent(place.folderId)}/messages`;
  const { mail } = place;
  const create = async () => mail.idOf(await mail.requests.send('POST', path, { ...bare, attachments }, options));
  const id = await storedOnce(place, options.marker, create, options);
  if (rest.length > 0) await uploadRest(place, id, { form, rest, open }, options.signal);
  return id;
}

/** The message without attachments, with its flags and its marker. */
function bareMessage(form: FaithfulForm, message: SpooledMessage, marker: string): Record<string, unknown> {
  const { header } = form;
  const flags = combined(message.isDraft ? ['\\Draft'] : [], 'add', message.flags);
  const { singleValueExtendedProperties = [], ...marks } = patchOf(message.isDraft ? ['\\Draft'] : [], flags) ?? {};
  const properties = [
    ...(message.isDraft ? [] : storedProperties(header, message)),
    ...(singleValueExtendedProperties as { id: string; value: string }[]),
    markerOf(marker),
  ];
  const bare = jsonMessage(form, { recipients: recipientsOf(header) }, properties);
  return { ...bare, ...marks, isRead: message.isRead };
}

/** Uploads what does not fit into the first request. Half a message must not remain. */
async function uploadRest(
  place: AppendPlace,
  id: string,
  { form, rest, open }: { form: FaithfulForm; rest: FaithfulForm['attachments']; open: SpooledMessage['open'] },
  signal: AbortSignal,
): Promise<void> {
  const draft = Draft.at(place.uploads, id);
  try {
    const isSure = await uploadAttachments(draft, rest, open, signal);
    if (!isSure && (await draft.countAttachments(signal)) !== form.attachments.length) {
      throw new MailStoreError('unavailable', 'Microsoft 365 did not accept all attachments. Try again.');
    }
  } catch (error) {
    await place.mail.removeForGood([id]);
    throw error;
  }
}

/** [MS-OXCMSG]: PidTagMessageFlags without the draft bit, and the times that Exchange would otherwise reset. */
function storedProperties(header: HeaderBlock, { isRead, receivedMs }: SpooledMessage) {
  const sent = Date.parse((header.get('Date') ?? '').replace(/\([^)]*\)/g, ''));
  return [
    { id: 'Integer 0x0E07', value: isRead ? '1' : '0' },
    { id: 'SystemTime 0x0E06', value: new Date(receivedMs).toISOString() },
    { id: 'SystemTime 0x0039', value: new Date(Number.isNaN(sent) ? receivedMs : sent).toISOString() },
    { id: 'String 0x007D', value: header.raw.toString('latin1') },
  ];
}

function recipientsOf(header: HeaderBlock) {
  const of = (name: string) =>
    header
      .getAll(name)
      .flatMap((value) => parseAddressList(value).addresses.filter(({ address }) => address.includes('@')));
  return { to: of('To'), cc: of('Cc'), bcc: of('Bcc') };
}

function unstorable(reason: string): string {
  return `Microsoft Graph cannot store this message unchanged: ${reason}. Save it elsewhere, or read the mailbox over IMAP ("read": "imap").`;
}
