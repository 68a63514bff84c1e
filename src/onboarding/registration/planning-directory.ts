import type { z } from 'zod';
import { type Permission, resourceAppIds, resourceNames } from '../permissions.ts';
import type { Directory } from './directory.ts';

/** A request that would be sent. */
export interface PlannedRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: object;
}

/** A directory that changes nothing, and the changes requested from it. */
export interface PlanningDirectory extends Directory {
  /** In order; without reads of the real directory, which were made. */
  readonly requests: readonly PlannedRequest[];
}

/**
 * Records changes instead of making them. What a change would have created has ids in angle brackets, also in the paths
 * of later requests.
 * @param real answers the reads; without it the directory is assumed to know nothing about the app
 * @param permissions those that the resources offer, if there is no real directory to ask
 */
export function planningDirectory(permissions: readonly Permission[], real?: Directory): PlanningDirectory {
  const requests: PlannedRequest[] = [];
  const isPlanned = (path: string) => real === undefined || /[<>]|%3C|%3E/i.test(path);
  const note = (method: PlannedRequest['method'], path: string, body?: object) => {
    requests.push({ method, path: readable(path), ...(body && { body: shortened(body) }) });
  };
  return {
    requests,
    async list(path, form) {
      if (!isPlanned(path)) return (real as Directory).list(path, form);
      note('GET', path);
      const resource = path.includes('appRoles') ? [resourceOffering(path, permissions)] : [];
      return resource.map((each) => form.parse(each));
    },
    async get(path, form) {
      if (!isPlanned(path)) return (real as Directory).get(path, form);
      note('GET', path);
      return form.parse({});
    },
    async post<T>(path: string, body: object, form: z.ZodType<T>) {
      note('POST', path, body);
      return form.parse(madeBy(path, body));
    },
    async patch(path, body) {
      note('PATCH', path, body);
    },
    async act(path, body) {
      note('POST', path, body);
    },
  };
}

function resourceOffering(path: string, permissions: readonly Permission[]): object {
  const key = path.includes(resourceAppIds.graph) ? 'graph' : 'exchange';
  const offered = permissions
    .filter(({ resource }) => resource === key)
    .map(({ value }) => ({ id: `<id of ${value}>`, value }));
  const id = `<object id of ${resourceNames[key]}>`;
  return { id, appId: '', appRoles: offered, oauth2PermissionScopes: offered };
}

/** What the directory would answer, as far as later requests need it. */
function madeBy(path: string, body: object): object {
  if (path.endsWith('/applications')) return { ...body, id: '<object id of the registration>', appId: '<client id>' };
  if (path.endsWith('/servicePrincipals')) return { ...body, id: '<object id of the enterprise application>' };
  if (path.endsWith('/addPassword')) return { keyId: '<key id>', secretText: '<secret>' };
  return { ...body, id: '<id>' };
}

function readable(path: string): string {
  return decodeURIComponent(path);
}

/** Without what fills the screen: certificates are public, but long. */
function shortened(body: object): object {
  return JSON.parse(
    JSON.stringify(body, (key, value: unknown) =>
      key === 'key' && typeof value === 'string' ? '<the certificate, in base64>' : value,
    ),
  ) as object;
}
