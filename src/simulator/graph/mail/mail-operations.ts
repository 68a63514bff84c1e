import { exchangeSettings } from '../exchange-items/mailbox-ids.ts';
import { addAttachment, deleteAttachment, getAttachment, listAttachments } from './attachment-operations.ts';
import { sendDraft } from './drafts/operations.ts';
import { createUploadSession } from './drafts/upload-operations.ts';
import { folderOperations } from './folders/folder-operations.ts';
import { action, type MailOperation, message, reading, sending, writing } from './mail-operation.ts';
import { messageOperations } from './messages/message-operations.ts';
import { sendMail } from './send-mail.ts';

const attachments = `${message}/attachments`;

/** The operations on mail, as Learn describes them. */
export const mailOperations: readonly MailOperation[] = [
  ...folderOperations,
  ...messageOperations,
  {
    name: 'exchangeSettings',
    method: 'GET',
    path: '/settings/exchange',
    permissions: ['User.Read.All', 'User.ReadWrite.All'],
    perform: (request) => exchangeSettings(request),
  },
  {
    name: 'sendMail',
    method: 'POST',
    path: action('sendMail'),
    permissions: sending,
    perform: (request) => sendMail(request),
  },
  {
    name: 'send',
    method: 'POST',
    path: message + action('send'),
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
    path: attachments + action('createUploadSession'),
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
