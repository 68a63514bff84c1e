import { addressesIn, headerFields } from '../delivery/message-headers.ts';
import type { HttpAnswer } from '../http/http-server.ts';
import type { MailboxDirectory, StoredMessage } from '../mailboxes/mailbox-directory.ts';
import { GraphError } from './graph-error.ts';

/** Well-known folder names and the folders they mean. Learn, "mailFolder resource type". */
const wellKnownFolders: Readonly<Record<string, string>> = {
  inbox: 'INBOX',
  sentitems: 'Sent Items',
  drafts: 'Drafts',
  deleteditems: 'Deleted Items',
  junkemail: 'Junk Email',
};

/** `GET …/mailFolders/{name}/messages` with `$select`, `$top`, `$skip`, `$count` and one kind of `$filter`. */
export function listMessages(
  directory: MailboxDirectory,
  mailbox: string,
  folder: string,
  query: URLSearchParams,
): HttpAnswer {
  const name = wellKnownFolders[folder.toLowerCase()];
  if (!name) throw new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
  const wanted = filterOf(query.get('$filter'));
  const all = [...directory.messages(mailbox, name)]
    .reverse()
    .map((message) => describe(name, message))
    .filter((message) => wanted === undefined || message.internetMessageId === wanted);
  const skip = countOf(query.get('$skip'), 0);
  const select = query
    .get('$select')
    ?.split(',')
    .map((property) => property.trim());
  const value = all.slice(skip, skip + countOf(query.get('$top'), 10)).map((message) => selected(message, select));
  return { status: 200, body: { ...(query.get('$count') === 'true' ? { '@odata.count': all.length } : {}), value } };
}

/** `GET …/messages/{id}/$value`: the message as MIME. */
export function getMimeContent(directory: MailboxDirectory, mailbox: string, id: string): HttpAnswer {
  const [name = '', uid = ''] = Buffer.from(id, 'base64url').toString().split('\n');
  const known = Object.values(wellKnownFolders).includes(name);
  const found = known ? directory.messages(mailbox, name).find((message) => message.uid === Number(uid)) : undefined;
  if (!found) throw new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: found.content };
}

function describe(folder: string, message: StoredMessage) {
  const fields = headerFields(message.content);
  const value = (name: string) => fields.find((field) => field.name === name)?.value ?? '';
  const people = (name: string) =>
    addressesIn(fields, name).addresses.map((address) => ({ emailAddress: { address } }));
  const at = message.internalDate.toISOString();
  return {
    id: Buffer.from(`${folder}\n${message.uid}`).toString('base64url'),
    receivedDateTime: at,
    sentDateTime: at,
    subject: value('subject'),
    internetMessageId: value('message-id'),
    isRead: message.flags.includes('\\Seen'),
    isDraft: message.flags.includes('\\Draft'),
    from: people('from')[0],
    toRecipients: people('to'),
    ccRecipients: people('cc'),
    bccRecipients: people('bcc'),
  };
}

function selected(message: ReturnType<typeof describe>, select: readonly string[] | undefined): object {
  if (!select) return message;
  // The id is always part of the answer.
  return Object.fromEntries(Object.entries(message).filter(([key]) => key === 'id' || select.includes(key)));
}

/** The Message-ID asked for, or undefined for everything. */
function filterOf(filter: string | null): string | undefined {
  if (filter === null) return undefined;
  const match = /^\s*internetMessageId\s+eq\s+'((?:[^']|'')*)'\s*$/i.exec(filter);
  if (!match)
    throw new GraphError(400, 'ErrorInvalidUrlQueryFilter', 'The query filter contains one or more invalid nodes.');
  return (match[1] ?? '').replaceAll("''", "'");
}

function countOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 1000) return count;
  throw new GraphError(400, 'ErrorInvalidUrlQuery', `Invalid value '${text}' for a paging option.`);
}
