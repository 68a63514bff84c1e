import type { HttpAnswer } from '../../http/http-server.ts';
import { heldPermissions, signedInUser } from '../authorization.ts';
import { type DirectoryOperation, type DirectoryRequest, denied, notFound } from './directory-request.ts';
import { collection, entity } from './odata.ts';

const readUsers = ['User.Read.All', 'Directory.Read.All'];

/** The organization and its people. Learn, "organization resource type" and "user resource type". */
export const peopleOperations: readonly DirectoryOperation[] = [
  {
    method: 'GET',
    path: '/organization',
    permissions: ['User.Read', 'Organization.Read.All', 'Directory.Read.All'],
    perform: organization,
  },
  {
    method: 'GET',
    path: '/me',
    permissions: ['User.Read', ...readUsers],
    perform: (request) => showUser(request, signedInUser(request.claims)),
  },
  {
    method: 'GET',
    path: '/users/([^/]+)',
    permissions: ['User.Read', ...readUsers],
    perform: (request) => {
      const [name = ''] = request.captures;
      requireReadUser(request, name);
      return showUser(request, name);
    },
  },
];

/** With `User.Read` people see only themselves. @throws GraphError 403 */
function requireReadUser({ claims }: DirectoryRequest, name: string): void {
  const held = heldPermissions(claims);
  const own = [claims.upn?.toLowerCase(), claims.oid].includes(name.toLowerCase());
  if (!own && !readUsers.some((permission) => held.includes(permission))) throw denied();
}

function organization({ tenant, http }: DirectoryRequest): HttpAnswer {
  const domain = {
    capabilities: 'Email, OfficeCommunicationsOnline',
    isDefault: true,
    isInitial: true,
    name: tenant.domain,
    type: 'Managed',
  };
  return collection(http, 'organization', [
    { id: tenant.id, displayName: tenant.displayName, tenantType: 'AAD', verifiedDomains: [domain] },
  ]);
}

function showUser({ tenant, mailboxes, http }: DirectoryRequest, name: string): HttpAnswer {
  const wanted = name.toLowerCase();
  const user = [...tenant.users.values()].find(({ upn, objectId }) => upn === wanted || objectId === wanted);
  if (!user) throw notFound(name);
  return entity(http, 'users', {
    id: user.objectId,
    displayName: user.displayName,
    mail: mailboxes.has(user.upn) ? user.upn : null,
    userPrincipalName: user.upn,
    proxyAddresses: [
      ...(mailboxes.has(user.upn) ? [`SMTP:${user.upn}`] : []),
      ...tenant.exchange.aliases.flatMap(({ mailbox, address }) => (mailbox === user.upn ? [`smtp:${address}`] : [])),
    ],
  });
}
