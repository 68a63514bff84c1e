import { createMessage } from '../drafts/operations.ts';
import { action, type MailOperation, message, reading, writing } from '../mail-operation.ts';
import { deltaMessages } from './delta-messages.ts';
import { getMessage, getMimeContent } from './get-message.ts';
import { listMessages } from './list-messages.ts';
import { copyMessage, deleteMessage, moveMessage, permanentlyDelete } from './transfer.ts';
import { updateMessage } from './update-message.ts';

/** The path of an action on one message. */
const onMessage = (name: string) => message + action(name);

const inFolder = '/mailFolders/([^/]+)/messages';

/** The operations that read and change messages. Fixed paths that `{id}` would match come first. */
export const messageOperations: readonly MailOperation[] = [
  {
    name: 'deltaMessages',
    method: 'GET',
    path: inFolder + action('delta'),
    permissions: reading,
    perform: (request, folder = '') => deltaMessages(request, folder),
  },
  ...(['/messages', inFolder] as const).flatMap((path): readonly MailOperation[] => [
    {
      name: 'createMessage',
      method: 'POST',
      path,
      permissions: writing,
      perform: (request, folder) => createMessage(request, folder),
    },
    {
      name: 'listMessages',
      method: 'GET',
      path,
      permissions: reading,
      perform: (request, folder) => listMessages(request, folder),
    },
  ]),
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
    name: 'permanentDelete',
    method: 'POST',
    path: onMessage('permanentDelete'),
    permissions: writing,
    perform: (request, id = '') => permanentlyDelete(request, id),
  },
  {
    name: 'moveMessage',
    method: 'POST',
    path: onMessage('move'),
    permissions: writing,
    perform: (request, id = '') => moveMessage(request, id),
  },
  {
    name: 'copyMessage',
    method: 'POST',
    path: onMessage('copy'),
    permissions: writing,
    perform: (request, id = '') => copyMessage(request, id),
  },
  {
    name: 'getMime',
    method: 'GET',
    path: `${message}/\\$value`,
    permissions: reading,
    perform: (request, id = '') => getMimeContent(request, id),
  },
];
