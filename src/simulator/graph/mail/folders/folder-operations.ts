import { action, type MailOperation, reading, writing } from '../mail-operation.ts';
import { createFolder, deleteFolder, moveFolder, permanentlyDeleteFolder, updateFolder } from './change-folders.ts';
import { deltaFolders, getFolder, listFolders } from './read-folders.ts';

const folder = '/mailFolders/([^/]+)';

/** The operations on folders. Fixed paths that `{id}` would match come first. */
export const folderOperations: readonly MailOperation[] = [
  {
    name: 'deltaFolders',
    method: 'GET',
    path: `/mailFolders${action('delta')}`,
    permissions: reading,
    perform: (request) => deltaFolders(request),
  },
  ...(['/mailFolders', `${folder}/childFolders`] as const).flatMap((path): readonly MailOperation[] => [
    {
      name: 'listFolders',
      method: 'GET',
      path,
      permissions: reading,
      perform: (request, key) => listFolders(request, key),
    },
    {
      name: 'createFolder',
      method: 'POST',
      path,
      permissions: writing,
      perform: (request, key) => createFolder(request, key),
    },
  ]),
  {
    name: 'getFolder',
    method: 'GET',
    path: folder,
    permissions: reading,
    perform: (request, key = '') => getFolder(request, key),
  },
  {
    name: 'updateFolder',
    method: 'PATCH',
    path: folder,
    permissions: writing,
    perform: (request, key = '') => updateFolder(request, key),
  },
  {
    name: 'deleteFolder',
    method: 'DELETE',
    path: folder,
    permissions: writing,
    perform: (request, key = '') => deleteFolder(request, key),
  },
  {
    name: 'moveFolder',
    method: 'POST',
    path: folder + action('move'),
    permissions: writing,
    perform: (request, key = '') => moveFolder(request, key),
  },
  {
    name: 'permanentDeleteFolder',
    method: 'POST',
    path: folder + action('permanentDelete'),
    permissions: writing,
    perform: (request, key = '') => permanentlyDeleteFolder(request, key),
  },
];
