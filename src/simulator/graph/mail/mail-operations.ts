import type { GraphOperation } from '../../faults.ts';
import type { HttpAnswer } from '../../http/http-server.ts';
import { addAttachment, deleteAttachment, getAttachment, listAttachments } from './attachment-operations.ts';
import { createMessage, deleteMessage, sendDraft, updateMessage } from './drafts/operations.ts';
import { createUploadSession } from './drafts/upload-operations.ts';
import type { MailRequest } from './mail-request.ts';
import { getMessage, getMimeContent, listMessages } from './read-messages.ts';
import { sendMail } from './send-mail.ts';

/** One operation on a mailbox: where it is, the permissions that allow it, and what it does. */
export interface MailOperation {
  readonly name: GraphOperation;
  readonly method: string;
  /** Behind `/users/{id}` or `/me`. */
  readonly path: string;
  readonly permissions: readonly string[];
  perform(request: MailRequest, ...captures: readonly string[]): Promise<HttpAnswer> | HttpAnswer;
}

const sending = ['Mail.Send', 'Mail.Send.Shared'];
const writing = ['Mail.ReadWrite', 'Mail.ReadWrite.Shared'];
const reading = ['Mail.Read', 'Mail.Read.Shared', ...writing];

const message = '/messages/([^/]+)';
const attachments = `${message}/attachments`;

/** The operations on mail, after the pages of Learn that describe them. */
export const mailOperations: readonly MailOperation[] = [
  {
    name: 'sendMail',
    method: 'POST',
    path: '/(?:microsoft\\.graph\\.)?sendMail',
    permissions: sending,
    perform: (request) => sendMail(request),
  },
  {
    name: 'createMessage',
    method: 'POST',
    path: '/messages',
    permissions: writing,
    perform: (request) => createMessage(request),
  },
  {
    name: 'listMessages',
    method: 'GET',
    path: '/messages',
    permissions: reading,
    perform: (request) => listMessages(request, undefined),
  },
  {
    name: 'listMessages',
    method: 'GET',
    path: '/mailFolders/([^/]+)/messages',
    permissions: reading,
    perform: (request, folder = '') => listMessages(request, folder),
  },
  {
    name: 'getMessage',
    method: 'GET',
    path: message,
    permissions: reading,
    perform: (request, id = '') => getMessage(request, id),
  },
  {
    name: 'updateMessage',
    method: 'PATCH',
    path: message,
    permissions: writing,
    perform: (request, id = '') => updateMessage(request, id),
  },
  {
    name: 'deleteMessage',
    method: 'DELETE',
    path: message,
    permissions: writing,
    perform: (request, id = '') => deleteMessage(request, id),
  },
  {
    name: 'getMime',
    method: 'GET',
    path: `${message}/\\$value`,
    permissions: reading,
    perform: (request, id = '') => getMimeContent(request, id),
  },
  {
    name: 'send',
    method: 'POST',
    path: `${message}/(?:microsoft\\.graph\\.)?send`,
    permissions: sending,
    perform: (request, id = '') => sendDraft(request, id),
  },
  {
    name: 'addAttachment',
    method: 'POST',
    path: attachments,
    permissions: writing,
    perform: (request, id = '') => addAttachment(request, id),
  },
  {
    name: 'listAttachments',
    method: 'GET',
    path: attachments,
    permissions: reading,
    perform: (request, id = '') => listAttachments(request, id),
  },
  {
    name: 'createUploadSession',
    method: 'POST',
    path: `${attachments}/(?:microsoft\\.graph\\.)?createUploadSession`,
    permissions: writing,
    perform: (request, id = '') => createUploadSession(request, id),
  },
  {
    name: 'getAttachment',
    method: 'GET',
    path: `${attachments}/([^/]+)`,
    permissions: reading,
    perform: (request, id = '', attachmentId = '') => getAttachment(request, id, attachmentId),
  },
  {
    name: 'deleteAttachment',
    method: 'DELETE',
    path: `${attachments}/([^/]+)`,
    permissions: writing,
    perform: (request, id = '', attachmentId = '') => deleteAttachment(request, id, attachmentId),
  },
];
