import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Base64Encoder, base64Length } from '../../../graph/client/base64-stream.ts';
import type { JsonAttachment } from '../../../graph/json/attachment.ts';
import { embeddable, embeddedContents } from '../../../graph/json/embedded.ts';
import type { ExtendedProperty } from '../../../graph/json/fields.ts';
import { type FaithfulForm, surveyMessage } from '../../../graph/json/form.ts';
import { jsonMessage } from '../../../graph/json/message.ts';
import { uploadAttachments } from '../../../graph/upload/attachments.ts';
import { Draft, type DraftPlace } from '../../../graph/upload/draft.ts';
import { type AppendedMessage, MailStoreError } from '../../../mailbox/mail-store.ts';
import { parseAddressList } from '../../../message/address/address.ts';
import type { HeaderBlock } from '../../../message/header/fields.ts';
import { combined, patchOf } from '../flags.ts';
import { messagePath, type RemoteMail } from '../remote/mail.ts';
import type { RequestOptions } from '../remote/requests.ts';
import type { GraphMessage } from '../remote/resources.ts';
import type { MailboxImport } from './import.ts';

/** Where a message is put. */
export interface AppendPlace {
  readonly mail: RemoteMail;
  readonly uploads: DraftPlace;
  /** For messages on their way in. */
  readonly spoolFolder: string;
  /** Graph's id of the folder. */
  readonly folderId: string;
  readonly isDrafts: boolean;
  /** What is no draft is stored by it, and stays as it is; undefined where that is not allowed. */
  readonly imports: MailboxImport | undefined;
}

/** How it is asked for. */
type AppendOptions = RequestOptions & { readonly signal: AbortSignal };

/** As MIME a request holds no more, in base64 below 4 MB. */
const maxMimeBytes = 2_900_000;

/**
 * Stores a message. A draft that is small goes as MIME, and stays as it is, and so does a small message that is no draft
 * where import is permitted; everything else goes as JSON, of which Exchange makes the message anew.
 * @returns its id @throws MailStoreError `not-permitted` for what JSON would change; GraphError and its kin
 */
export async function appendMessage(
  place: AppendPlace,
  message: AppendedMessage,
  options: AppendOptions,
): Promise<string> {
  const file = join(place.spoolFolder, randomUUID());
  try {
    await pipeline(message.content, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    const { size } = await stat(file);
    const open = () => createReadStream(file);
    const isDraft = message.flags.some((flag) => flag.toLowerCase() === '\\draft');
    const source = { message, open, size, isDraft };
    const id = await stored(place, source, options);
    const flags = combined(isDraft ? ['\\Draft'] : [], 'add', message.flags);
    // What is stored is as read as was asked for, drafts aside.
    const marks = patchOf(isDraft ? ['\\Draft', '\\Seen'] : flags.filter((flag) => flag === '\\Seen'), flags);
    if (marks !== undefined) await place.mail.requests.send('PATCH', messagePath(id), marks, options);
    return id;
  } finally {
    await rm(file, { force: true });
  }
}

interface AppendSource {
  readonly message: AppendedMessage;
  readonly open: () => Readable;
  readonly size: number;
  readonly isDraft: boolean;
}

async function stored(place: AppendPlace, source: AppendSource, options: AppendOptions): Promise<string> {
  const { open, size, isDraft, message } = source;
  if (size <= maxMimeBytes && isDraft) return await createMimeDraft(place, open, size, options);
  if (size > maxMimeBytes || place.imports === undefined) return await createFromJson(place, source, options);
  const { mail, folderId } = place;
  const draftId = await createMimeDraft({ ...place, isDrafts: true }, open, size, options);
  try {
    const isRead = message.flags.some((flag) => flag.toLowerCase() === '\\seen');
    const receivedMs = (message.internalDate ?? new Date()).getTime();
    return await place.imports.asReceived({ draftId, folderId, isRead, receivedMs }, options);
  } finally {
    await mail.requests.send('POST', `${messagePath(draftId)}/permanentDelete`, {}, { once: false }).catch(() => {});
  }
}

/** Microsoft: "Create message", MIME format. It goes to Drafts, and from there to its folder. */
async function createMimeDraft(place: AppendPlace, open: () => Readable, size: number, options: RequestOptions) {
  const { requests } = place.mail;
  const body = {
    contentType: 'text/plain',
    octets: base64Length(size),
    open: () => open().pipe(new Base64Encoder(size)),
  };
  const id = idOf(await requests.send('POST', '/messages', body, options));
  if (place.isDrafts) return id;
  try {
    const moved = await requests.send('POST', `${messagePath(id)}/move`, { destinationId: place.folderId }, options);
    return idOf(moved);
  } catch (error) {
    // Whoever hears of a failure sends the message again.
    await Draft.at(place.uploads, id)
      .delete(AbortSignal.timeout(deleteTimeoutMs))
      .catch(() => {});
    throw error;
  }
}

async function createFromJson(place: AppendPlace, source: AppendSource, options: AppendOptions): Promise<string> {
  const { message, open, size, isDraft } = source;
  const form = await surveyMessage(open, size);
  if (form.jsonForm === 'lossy') throw new MailStoreError('not-permitted', unstorable(form.reason));
  const properties = isDraft ? [] : storedProperties(form.header, message);
  const bare = jsonMessage(form, { recipients: recipientsOf(form.header) }, properties);
  const embedded = embeddable(form.attachments, bare);
  const attachments = await embeddedContents(open, embedded);
  const path = `/mailFolders/${encodeURIComponent(place.folderId)}/messages`;
  const id = idOf(await place.mail.requests.send('POST', path, { ...bare, attachments }, options));
  const rest = form.attachments.filter((attachment) => !embedded.includes(attachment));
  if (rest.length > 0) await uploadRest(place, id, { form, rest, open }, options.signal);
  return id;
}

/** What does not fit into the first request. Half a message must not stay. */
async function uploadRest(
  place: AppendPlace,
  id: string,
  { form, rest, open }: { form: FaithfulForm; rest: readonly JsonAttachment[]; open: () => Readable },
  signal: AbortSignal,
): Promise<void> {
  const draft = Draft.at(place.uploads, id);
  try {
    const isSure = await uploadAttachments(draft, rest, open, signal);
    if (!isSure && (await draft.countAttachments(signal)) !== form.attachments.length) {
      throw new MailStoreError('unavailable', 'Microsoft 365 did not take all attachments. Try again.');
    }
  } catch (error) {
    await draft.delete(AbortSignal.timeout(deleteTimeoutMs)).catch(() => {});
    throw error;
  }
}

const deleteTimeoutMs = 15_000;

/** [MS-OXCMSG]: PidTagMessageFlags without the bit that makes a draft, and the times that Exchange would set anew. */
function storedProperties(header: HeaderBlock, { flags, internalDate }: AppendedMessage): ExtendedProperty[] {
  const isRead = flags.some((flag) => flag.toLowerCase() === '\\seen');
  const sent = Date.parse((header.get('Date') ?? '').replace(/\([^)]*\)/g, ''));
  const received = internalDate ?? new Date();
  return [
    { id: 'Integer 0x0E07', value: isRead ? '1' : '0' },
    { id: 'SystemTime 0x0E06', value: received.toISOString() },
    { id: 'SystemTime 0x0039', value: (Number.isNaN(sent) ? received : new Date(sent)).toISOString() },
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

function idOf(json: unknown): string {
  const { id } = (json ?? {}) as GraphMessage;
  if (id === undefined) throw new MailStoreError('unavailable', 'Microsoft Graph did not say what it has stored.');
  return id;
}
