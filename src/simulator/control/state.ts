import { z } from 'zod';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { Reach, Tenant } from '../tenant/tenant.ts';
import { mailFields } from './mail-state.ts';
import { patchSignInState, readSignInState, signInFields } from './sign-in-state.ts';

const address = z.string().transform((text) => text.toLowerCase());
const reach = z.union([z.literal('all'), z.array(address)]);

/** What `PATCH /state` can change; everything is optional. */
export const statePatch = z
  .strictObject({
    graphRoles: z.array(z.string()),
    exchangeRoles: z.array(z.string()),
    secretExpired: z.boolean(),
    appDisabled: z.boolean(),
    multiTenant: z.boolean(),
    personalAccounts: z.enum(['none', 'too', 'only']),
    tokenLifetimeSeconds: z.int().min(-3600).max(86_400),
    servicePrincipalRegistered: z.boolean(),
    mailboxPermissions: reach,
    smtpRbac: reach,
    graphMailboxes: reach,
    sendAs: z.array(z.strictObject({ mailbox: address, as: address })),
    sendOnBehalf: z.array(z.strictObject({ mailbox: address, as: address })),
    aliases: z.array(z.strictObject({ mailbox: address, address })),
    sendFromAliasEnabled: z.boolean(),
    fullAccess: z.array(z.strictObject({ user: address, mailbox: address })),
    smtpAuthDisabled: z.boolean(),
    smtpAuthEnabledFor: z.array(address),
    smtpAuthDisabledFor: z.array(address),
    imapDisabledFor: z.array(address),
    popDisabledFor: z.array(address),
    mailboxes: z.array(z.email()),
    ...signInFields,
    ...mailFields,
  })
  .partial();

/** The tenant as `GET /state` shows it, in the form that `PATCH /state` takes. */
export interface TenantState {
  readonly tenantId: string;
  readonly tenantDomain: string;
  readonly clientId: string;
  readonly graphRoles: readonly string[];
  readonly exchangeRoles: readonly string[];
  readonly secretExpired: boolean;
  readonly appDisabled: boolean;
  readonly multiTenant: boolean;
  readonly personalAccounts: 'none' | 'too' | 'only';
  readonly tokenLifetimeSeconds: number;
  readonly servicePrincipalRegistered: boolean;
  readonly mailboxPermissions: Reach;
  readonly smtpRbac: Reach;
  readonly graphMailboxes: Reach;
  readonly mailboxes: readonly string[];
  readonly [setting: string]: unknown;
}

const hourMs = 60 * 60 * 1000;

/** What administrators have set. Holds no secret. */
export function readState(tenant: Tenant, directory: MailboxDirectory): TenantState {
  const { app } = tenant;
  const inExchange = tenant.exchangeApp(app.clientId);
  return {
    tenantId: tenant.id,
    tenantDomain: tenant.domain,
    clientId: app.clientId,
    graphRoles: app.roles.graph,
    exchangeRoles: app.roles.exchange,
    secretExpired: app.secrets.every((secret) => secret.expiresAt <= Date.now()),
    appDisabled: app.disabled,
    multiTenant: app.multiTenant,
    personalAccounts: app.personalAccounts,
    tokenLifetimeSeconds: tenant.tokenLifetimeSeconds,
    servicePrincipalRegistered: tenant.isRegisteredInExchange(app.clientId),
    mailboxPermissions: inExchange.mailboxPermissions,
    smtpRbac: inExchange.smtpRbac,
    graphMailboxes: inExchange.graphMailboxes,
    ...tenant.exchange,
    ...readSignInState(tenant),
    mailboxes: directory.addresses(),
  };
}

/** Changes what administrators can change. Tokens issued before keep the roles they were issued with. */
export function patchState(tenant: Tenant, directory: MailboxDirectory, patch: z.infer<typeof statePatch>): void {
  const { app } = tenant;
  const {
    graphRoles,
    exchangeRoles,
    secretExpired,
    appDisabled,
    multiTenant,
    personalAccounts,
    tokenLifetimeSeconds,
    mailboxes,
    servicePrincipalRegistered,
    mailboxPermissions,
    smtpRbac,
    graphMailboxes,
    ...others
  } = patch;
  const inExchange = tenant.exchangeApp(app.clientId);
  if (servicePrincipalRegistered !== undefined) {
    inExchange.servicePrincipalObjectId = servicePrincipalRegistered ? app.servicePrincipalId : undefined;
  }
  if (mailboxPermissions) inExchange.mailboxPermissions = mailboxPermissions;
  if (smtpRbac) inExchange.smtpRbac = smtpRbac;
  if (graphMailboxes) inExchange.graphMailboxes = graphMailboxes;
  if (graphRoles) app.roles.graph = graphRoles;
  if (exchangeRoles) app.roles.exchange = exchangeRoles;
  if (secretExpired !== undefined) {
    for (const secret of app.secrets) secret.expiresAt = Date.now() + (secretExpired ? -1 : 365 * 24) * hourMs;
  }
  if (appDisabled !== undefined) app.disabled = appDisabled;
  if (multiTenant !== undefined) app.multiTenant = multiTenant;
  if (personalAccounts !== undefined) app.personalAccounts = personalAccounts;
  if (tokenLifetimeSeconds !== undefined) tenant.tokenLifetimeSeconds = tokenLifetimeSeconds;
  for (const mailbox of mailboxes ?? []) {
    directory.add(mailbox);
    if (!tenant.users.has(mailbox.toLowerCase())) tenant.addUser(mailbox);
  }
  const known = Object.keys(tenant.exchange);
  Object.assign(tenant.exchange, Object.fromEntries(Object.entries(others).filter(([name]) => known.includes(name))));
  patchSignInState(tenant, others);
}
