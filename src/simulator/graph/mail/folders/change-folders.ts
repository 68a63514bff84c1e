import { z } from 'zod';
import type { HttpAnswer } from '../../../http/http-server.ts';
import { delimiter, type Mailbox } from '../../../mailboxes/mailbox.ts';
import type { MailboxFolder } from '../../../mailboxes/mailbox-folder.ts';
import { GraphFault } from '../../graph-error.ts';
import { type MailRequest, mailboxOf } from '../mail-request.ts';
import { destinationOf } from '../messages/transfer.ts';
import { parseWith, readJson } from '../request-body.ts';
import { type FolderOrRoot, findFolder, findMessageFolder } from './find-folder.ts';
import { childrenOf, displayNameOf, folderViewOf, levelOf } from './folder-view.ts';

const newFolder = z.object({ displayName: z.string().min(1).max(255), isHidden: z.boolean().optional() });

/** `POST …/mailFolders` and `…/mailFolders/{id}/childFolders`. Learn, "Create MailFolder". @throws GraphFault */
export async function createFolder(request: MailRequest, key = 'msgfolderroot'): Promise<HttpAnswer> {
  const { displayName } = await bodyOfFolder(request);
  const mailbox = mailboxOf(request);
  const parent = findFolder(mailbox, key);
  assertFree(mailbox, parent, displayName);
  return shown(request, mailbox.create(pathBelow(parent, displayName)), 201);
}

/** `PATCH …/mailFolders/{id}`: only its name. Learn, "Update mailfolder". @throws GraphFault */
export async function updateFolder(request: MailRequest, key: string): Promise<HttpAnswer> {
  const { displayName } = await bodyOfFolder(request);
  const mailbox = mailboxOf(request);
  const folder = findMessageFolder(mailbox, key);
  assertOwn(mailbox, folder, 'ErrorInvalidRequest');
  const parent = mailbox.parentOf(folder) ?? 'root';
  assertFree(mailbox, parent, displayName, folder);
  mailbox.rename(folder, pathBelow(parent, displayName));
  return shown(request, folder, 200);
}

/** `POST …/mailFolders/{id}/move`. Learn, "mailFolder: move". @throws GraphFault */
export async function moveFolder(request: MailRequest, key: string): Promise<HttpAnswer> {
  const destination = await destinationOf(request);
  const mailbox = mailboxOf(request);
  const folder = findMessageFolder(mailbox, key);
  assertOwn(mailbox, folder, 'ErrorMoveDistinguishedFolder');
  const parent = findFolder(mailbox, destination);
  if (parent === mailbox.recoverableItems || (parent !== 'root' && mailbox.withBelow(folder).includes(parent))) {
    throw new GraphFault(400, 'ErrorMoveCopyFailed', 'The move or copy operation failed.');
  }
  assertFree(mailbox, parent, displayNameOf(folder), folder);
  mailbox.rename(folder, pathBelow(parent, displayNameOf(folder)));
  return shown(request, folder, 201);
}

/**
 * `DELETE …/mailFolders/{id}`: moves it below Deleted Items, under a name that is free there; from there, deletes it
 * permanently. Learn, "Delete mailFolder", does not say where it goes. @throws GraphFault
 */
export function deleteFolder(request: MailRequest, key: string): HttpAnswer {
  const mailbox = mailboxOf(request);
  const folder = findMessageFolder(mailbox, key);
  const deletedItems = mailbox.wellKnown('deleteditems');
  if (deletedItems === undefined || mailbox.withBelow(deletedItems).includes(folder)) {
    return permanentlyDeleteFolder(request, key);
  }
  assertOwn(mailbox, folder, 'ErrorDeleteDistinguishedFolder');
  const name = displayNameOf(folder);
  const taken = childrenOf(mailbox, deletedItems).map((each) => displayNameOf(each).toLowerCase());
  let free = name;
  for (let count = 1; taken.includes(free.toLowerCase()); count++) free = `${name}${count}`;
  mailbox.rename(folder, pathBelow(deletedItems, free));
  return { status: 204 };
}

/** `POST …/mailFolders/{id}/permanentDelete`. Learn, "mailFolder: permanentDelete". @throws GraphFault */
export function permanentlyDeleteFolder(request: MailRequest, key: string): HttpAnswer {
  const mailbox = mailboxOf(request);
  const folder = findMessageFolder(mailbox, key);
  assertOwn(mailbox, folder, 'ErrorDeleteDistinguishedFolder');
  mailbox.remove(folder);
  return { status: 204 };
}

async function bodyOfFolder({ http, services }: MailRequest) {
  return parseWith(newFolder, await readJson(http, services.maxRequestBytes));
}

function pathBelow(parent: FolderOrRoot, displayName: string): string {
  return parent === 'root' ? levelOf(displayName) : parent.name + delimiter + levelOf(displayName);
}

/** @throws GraphFault 409 for the name of a sibling folder, in any case */
function assertFree(mailbox: Mailbox, parent: FolderOrRoot, displayName: string, but?: MailboxFolder): void {
  const wanted = displayName.toLowerCase();
  const beside = childrenOf(mailbox, parent).filter((folder) => folder !== but);
  if (!beside.some((folder) => displayNameOf(folder).toLowerCase() === wanted)) return;
  const text = `A folder with the specified name already exists., Could not create folder '${displayName}'.`;
  throw new GraphFault(409, 'ErrorFolderExists', text);
}

/** @throws GraphFault for a folder that every mailbox has */
function assertOwn(mailbox: Mailbox, folder: MailboxFolder, code: string): void {
  if (!mailbox.isWellKnown(folder)) return;
  throw new GraphFault(400, code, 'The operation cannot be performed on a distinguished folder.');
}

function shown(request: MailRequest, folder: MailboxFolder, status: number): HttpAnswer {
  return { status, body: folderViewOf(mailboxOf(request), request.http)(folder) };
}
