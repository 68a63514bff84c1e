import { z } from 'zod';

/** Encodes an external value for a query parameter or a part of a path. */
export function encoded(text: string): string {
  return encodeURIComponent(text);
}

/** `$filter` for one value (OData 4.01, "URL Conventions": quotes are doubled). */
export function filterBy(property: string, value: string): string {
  return `$filter=${encoded(`${property} eq '${value.replaceAll("'", "''")}'`)}`;
}

/** The directory of a tenant, through Microsoft Graph. Paths begin with `/v1.0/`. */
export interface Directory {
  /** Every object of a collection, page by page. */
  list<T>(path: string, form: z.ZodType<T>): Promise<T[]>;
  /** One object. @throws BridgeError `directory-refused` with `details.status` 404 if it does not exist */
  get<T>(path: string, form: z.ZodType<T>): Promise<T>;
  /** @returns what was created, or the answer of the action */
  post<T>(path: string, body: object, form: z.ZodType<T>): Promise<T>;
  patch(path: string, body: object): Promise<void>;
  /** A POST without an informative answer. */
  act(path: string, body: object): Promise<void>;
}

/** A permission offered by a resource. */
const offered = z.object({ id: z.string(), value: z.string().nullish() });

/** Learn, "servicePrincipal resource type". */
export const servicePrincipalForm = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string().nullish(),
});

/** A service principal with the permissions it offers to others. */
export const resourceForm = servicePrincipalForm.extend({
  appRoles: z.array(offered).default([]),
  oauth2PermissionScopes: z.array(offered).default([]),
});

const requiredResourceAccess = z.object({
  resourceAppId: z.string(),
  resourceAccess: z.array(z.object({ id: z.string(), type: z.string() })),
});

/** Kept as a whole: the list is written back with anything Microsoft may add to its members. */
const keyCredential = z.looseObject({
  keyId: z.string().nullish(),
  displayName: z.string().nullish(),
  customKeyIdentifier: z.string().nullish(),
  endDateTime: z.string().nullish(),
  /** Base64 of the certificate (DER); only returned when a single application is read. */
  key: z.string().nullish(),
});

const passwordCredential = z.object({
  keyId: z.string(),
  displayName: z.string().nullish(),
  /** The first three characters. */
  hint: z.string().nullish(),
  endDateTime: z.string().nullish(),
});

/** Learn, "application resource type". */
export const applicationForm = z.object({
  id: z.string(),
  appId: z.string(),
  displayName: z.string().nullish(),
  isFallbackPublicClient: z.boolean().nullish(),
  publicClient: z.object({ redirectUris: z.array(z.string()).default([]) }).nullish(),
  requiredResourceAccess: z.array(requiredResourceAccess).default([]),
});

/** The credentials of an application, which collections do not show completely. */
export const credentialsForm = z.object({
  keyCredentials: z.array(keyCredential).default([]),
  passwordCredentials: z.array(passwordCredential).default([]),
});

/** Learn, "application: addPassword". The secret is only returned once. */
export const newPasswordForm = z.object({ keyId: z.string(), secretText: z.string().min(1) });

/** Learn, "appRoleAssignment resource type". */
export const appRoleAssignmentForm = z.object({ id: z.string(), resourceId: z.string(), appRoleId: z.string() });

/** Learn, "oAuth2PermissionGrant resource type". */
export const permissionGrantForm = z.object({
  id: z.string(),
  resourceId: z.string(),
  consentType: z.string(),
  scope: z.string().nullish(),
});

export type Application = z.infer<typeof applicationForm>;
export type ServicePrincipal = z.infer<typeof servicePrincipalForm>;
export type Resource = z.infer<typeof resourceForm>;
export type KeyCredential = z.infer<typeof keyCredential>;
export type PasswordCredential = z.infer<typeof passwordCredential>;
