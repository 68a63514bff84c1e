import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import { bridgePermissions } from './permissions.ts';
import type { RequiredPermission } from './required-permission.ts';
import type { ApiResource } from './resources.ts';

/** A client secret of an app registration. */
export interface ClientSecret {
  /** The secret id, often pasted by mistake instead of the value. */
  readonly id: string;
  readonly value: string;
  readonly displayName?: string;
  /** Milliseconds since 1970. */
  readonly startsAt?: number;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** A certificate of an app registration. */
export interface RegisteredCertificate {
  /** The key id. */
  readonly id: string;
  readonly displayName?: string;
  readonly certificate: X509Certificate;
}

/** An external issuer whose tokens the app registration accepts as a secret (workload identity federation). */
export interface FederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** PEM of the issuer's signing key (RS256). */
  readonly publicKeyPem: string;
}

/** Delegated permissions with consent. */
export interface PermissionGrant {
  readonly id: string;
  readonly resource: ApiResource['key'];
  /** Object id of the user it is for; undefined: an administrator consented for everybody. */
  readonly principalId?: string;
  scopes: readonly string[];
}

/** An app registration and, once created, its service principal. */
export interface AppRegistration {
  /** Object id of the application: not the one that New-ServicePrincipal takes. */
  readonly objectId: string;
  readonly clientId: string;
  displayName: string;
  /** Object id of the service principal (the "enterprise application"). */
  servicePrincipalId: string | undefined;
  /** Milliseconds since 1970; it also stays unknown elsewhere for a while. */
  servicePrincipalCreatedAtMs: number;
  readonly secrets: ClientSecret[];
  readonly certificates: RegisteredCertificate[];
  readonly federatedCredentials: FederatedCredential[];
  requiredPermissions: readonly RequiredPermission[];
  /** Application permissions with admin consent. */
  readonly roles: Record<ApiResource['key'], readonly string[]>;
  readonly delegatedGrants: PermissionGrant[];
  /** Redirect URIs of the web platform: the client must authenticate. */
  webRedirectUris: readonly string[];
  /** Redirect URIs of mobile and desktop applications; a loopback one matches on any port. */
  publicRedirectUris: readonly string[];
  /** "Allow public client flows": device code and password grant without a secret. */
  publicClientFlows: boolean;
  /** A Microsoft first-party app, such as Graph Command Line Tools: needs no prior consent. */
  firstParty: boolean;
  /** "Assignment required"; `assignedUsers` are object ids. */
  assignmentRequired: boolean;
  assignedUsers: readonly string[];
  multiTenant: boolean;
  /** Which groups of a person its ID tokens contain (`groupMembershipClaims` of the manifest). */
  groupMembershipClaims: 'SecurityGroup' | 'All' | 'None' | null;
  /** "Supported account types": whether personal Microsoft accounts may also sign in, or only they. */
  personalAccounts: 'none' | 'too' | 'only';
  disabled: boolean;
  /** Milliseconds since 1970; it stays unknown elsewhere for the tenant's `replicationMs`. */
  readonly createdAtMs: number;
}

/** A person of the tenant. */
export interface User {
  /** User principal name, in lower case; also the address of the mailbox. */
  readonly upn: string;
  readonly objectId: string;
  readonly displayName: string;
  /** A personal Microsoft account (outlook.com …), which belongs to no organization. */
  personal: boolean;
  password: string;
  /** May consent for the tenant and manage app registrations. */
  administrator: boolean;
  disabled: boolean;
  locked: boolean;
  passwordExpired: boolean;
  /** A second factor is required: no password grant, and one more step on the sign-in page. */
  multiFactor: boolean;
  /** Object ids of the security groups that the person is a member of. */
  groups: readonly string[];
  /** How many times the person's sign-ins were ended, and when last (milliseconds since 1970). */
  signInsEnded: { readonly times: number; readonly atMs: number };
}

/** The tenant's policies for sign-ins. */
export interface SignInPolicies {
  /** Conditional Access: "Block device code flow" (AADSTS53003 when the code is redeemed). */
  deviceCodeBlocked: boolean;
  /** Users may consent for themselves to permissions that need no administrator. */
  userConsent: boolean;
  /** Conditional Access blocks every sign-in of users (AADSTS53003). */
  usersBlocked: boolean;
  /** Sign-in frequency: refresh tokens older than this many seconds are refused with AADSTS70043. 0: no such policy. */
  signInFrequencySeconds: number;
}

/** Lifetimes of what a sign-in leaves behind. */
export interface SignInLifetimes {
  deviceCodeLifetimeSeconds: number;
  /** Minimum interval between a device's polls. */
  deviceCodeIntervalSeconds: number;
  /** How long a refresh token can remain unused. */
  refreshTokenInactivityDays: number;
  /** Whether a refresh token can be used more than once, like Entra's. */
  refreshTokenReuse: 'allow' | 'forbid';
}

/** Whom a permission reaches: everybody, or the named mailboxes (in lower case). */
export type Reach = 'all' | readonly string[];

/** What Exchange Online knows of one app, set with its PowerShell. */
export interface ExchangeApp {
  /** `New-ServicePrincipal -AppId … -ObjectId …`, as given: a wrong object id registers nothing useful. */
  servicePrincipalObjectId: string | undefined;
  /** Its `-DisplayName`. */
  displayName: string | undefined;
  /** `Add-MailboxPermission … FullAccess` for the service principal. */
  mailboxPermissions: Reach;
  /**
   * `Add-RecipientPermission … SendAs` for the service principal: addresses (in lower case) it may send as over SMTP.
   */
  sendAs: readonly string[];
  /** RBAC role `Application SMTP.SendAsApp`: mailboxes in its scope. It needs no permission in Entra. */
  smtpRbac: Reach;
  /** RBAC roles for Graph (`Application Mail.Send` …): role to mailboxes in its scope. They need no permission in Entra. */
  graphRbac: Readonly<Record<string, Reach>>;
  /** Mailboxes that an application access policy limits the Graph permissions of Entra to. */
  graphMailboxes: Reach;
}

/** Exchange Online settings that apply to all apps. */
export interface ExchangeSettings {
  /** `Add-RecipientPermission … SendAs`: who (a mailbox) may send as whom. */
  sendAs: readonly { readonly mailbox: string; readonly as: string }[];
  /** `Set-Mailbox … -GrantSendOnBehalfTo`: who (a mailbox) may send on behalf of whom. In lower case. */
  sendOnBehalf: readonly { readonly mailbox: string; readonly as: string }[];
  /**
   * `Set-Mailbox … -EmailAddresses`: other addresses of mailboxes. In lower case; no mail is delivered to them here.
   */
  aliases: readonly { readonly mailbox: string; readonly address: string }[];
  /** `Set-OrganizationConfig -SendFromAliasEnabled`: mailboxes may send as their aliases. */
  sendFromAliasEnabled: boolean;
  /** `Add-MailboxPermission … FullAccess` of one user on another's, or on a shared mailbox. */
  fullAccess: readonly { readonly user: string; readonly mailbox: string }[];
  /** `SmtpClientAuthenticationDisabled` of the tenant; a mailbox in `smtpAuthEnabledFor` overrides it. */
  smtpAuthDisabled: boolean;
  smtpAuthEnabledFor: readonly string[];
  smtpAuthDisabledFor: readonly string[];
  imapDisabledFor: readonly string[];
  popDisabledFor: readonly string[];
}

export interface TenantSettings {
  readonly tenantId?: string;
  /** Verified domain, usable instead of the id. */
  readonly domain: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly clientCertificatePem?: string;
  /** Addresses of the people; everybody has the same initial password. */
  readonly users?: readonly string[];
  /** Addresses of personal accounts, which belong to no organization. */
  readonly personalUsers?: readonly string[];
  readonly userPassword?: string;
}

const yearMs = 365 * 24 * 60 * 60 * 1000;

/** Microsoft Graph Command Line Tools, the public client that administrators use. */
export const graphCommandLineToolsId = '14d82eec-204b-4c2f-b7e8-296a70dab67e';

/** One Entra ID tenant with Exchange Online, as its administrators have set it up. */
export class Tenant {
  readonly id: string;
  readonly domain: string;
  readonly displayName = 'Contoso';
  /** By client id, in lower case. */
  readonly apps = new Map<string, AppRegistration>();
  /** The registration that the simulator hands out. */
  readonly app: AppRegistration;
  /** By user principal name. `admin@…` always exists and is an administrator. */
  readonly users = new Map<string, User>();
  readonly policies: SignInPolicies = {
    deviceCodeBlocked: false,
    userConsent: true,
    usersBlocked: false,
    signInFrequencySeconds: 0,
  };
  readonly lifetimes: SignInLifetimes = {
    deviceCodeLifetimeSeconds: 900,
    deviceCodeIntervalSeconds: 5,
    refreshTokenInactivityDays: 90,
    refreshTokenReuse: 'allow',
  };
  /** How far ahead the clock for those lifetimes is. Tokens use the real time. */
  clockShiftSeconds = 0;
  /** Authenticates code on the simulated machine to its managed identity endpoint. */
  readonly identityHeader = randomUUID();
  readonly exchange: ExchangeSettings = {
    sendAs: [],
    sendOnBehalf: [],
    aliases: [],
    sendFromAliasEnabled: false,
    fullAccess: [],
    smtpAuthDisabled: false,
    smtpAuthEnabledFor: [],
    smtpAuthDisabledFor: [],
    imapDisabledFor: [],
    popDisabledFor: [],
  };
  /** How apps may roll their own keys: an app management policy may forbid it, and a proof must name this audience. */
  readonly keyRolling = { forbidden: false, audience: '00000003-0000-0000-c000-000000000000' };
  /** Lifetime of tokens issued from now on. Microsoft's is 60 to 90 minutes. */
  tokenLifetimeSeconds = 3600;
  /** How long directory changes stay unseen elsewhere. */
  replicationMs = 0;
  /** Object ids of the service principals of Microsoft's own resources in this tenant. */
  readonly resourcePrincipalIds: Readonly<Record<ApiResource['key'], string>> = {
    graph: randomUUID(),
    exchange: randomUUID(),
  };
  readonly #exchangeApps = new Map<string, ExchangeApp>();
  readonly #userPassword: string;

  constructor(settings: TenantSettings) {
    this.id = settings.tenantId ?? randomUUID();
    this.domain = settings.domain;
    this.#userPassword = settings.userPassword ?? `Sim-${randomUUID().slice(0, 8)}`;
    for (const address of settings.users ?? []) this.addUser(address);
    for (const address of settings.personalUsers ?? []) this.addUser(address, true);
    this.addUser(`admin@${settings.domain}`).administrator = true;
    const tools = this.register('Microsoft Graph Command Line Tools', graphCommandLineToolsId, 0);
    Object.assign(tools, { firstParty: true, publicClientFlows: true, publicRedirectUris: ['http://localhost'] });
    this.app = this.register('Mail bridge', settings.clientId ?? randomUUID(), 0);
    this.app.roles.graph = ['Mail.Send', 'Mail.ReadWrite'];
    this.app.roles.exchange = ['IMAP.AccessAsApp', 'POP.AccessAsApp', 'SMTP.SendAsApp'];
    this.app.requiredPermissions = bridgePermissions;
    this.app.publicRedirectUris = ['http://localhost'];
    this.app.publicClientFlows = true;
    const inExchange = this.exchangeApp(this.app.clientId);
    inExchange.servicePrincipalObjectId = this.app.servicePrincipalId;
    inExchange.displayName = this.app.displayName;
    inExchange.mailboxPermissions = 'all';
    const value = settings.clientSecret ?? `sim~${randomUUID().replaceAll('-', '')}`;
    this.app.secrets.push({ id: randomUUID(), value, expiresAt: Date.now() + yearMs });
    if (settings.clientCertificatePem) {
      const certificate = new X509Certificate(settings.clientCertificatePem);
      this.app.certificates.push({ id: randomUUID(), certificate });
    }
  }

  /** Everybody's initial password. */
  get userPassword(): string {
    return this.#userPassword;
  }

  /** The time for the lifetimes of codes and refresh tokens, in milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.clockShiftSeconds * 1000;
  }

  /** Creates an app registration with its service principal and without permissions. */
  register(displayName: string, clientId: string = randomUUID(), createdAtMs = Date.now()): AppRegistration {
    const app: AppRegistration = {
      objectId: randomUUID(),
      clientId,
      displayName,
      servicePrincipalId: randomUUID(),
      servicePrincipalCreatedAtMs: createdAtMs,
      secrets: [],
      certificates: [],
      federatedCredentials: [],
      requiredPermissions: [],
      roles: { graph: [], exchange: [] },
      delegatedGrants: [],
      webRedirectUris: [],
      publicRedirectUris: [],
      publicClientFlows: false,
      firstParty: false,
      assignmentRequired: false,
      assignedUsers: [],
      multiTenant: false,
      groupMembershipClaims: null,
      personalAccounts: 'none',
      disabled: false,
      createdAtMs,
    };
    this.apps.set(clientId.toLowerCase(), app);
    return app;
  }

  /** What Exchange knows of an app; initially nothing. */
  exchangeApp(clientId: string): ExchangeApp {
    const key = clientId.toLowerCase();
    let known = this.#exchangeApps.get(key);
    if (!known) {
      known = {
        servicePrincipalObjectId: undefined,
        displayName: undefined,
        mailboxPermissions: [],
        sendAs: [],
        smtpRbac: [],
        graphRbac: {},
        graphMailboxes: 'all',
      };
      this.#exchangeApps.set(key, known);
    }
    return known;
  }

  /** The apps that `New-ServicePrincipal` was run for, by client id in lower case. */
  exchangeServicePrincipals(): readonly (readonly [clientId: string, app: ExchangeApp])[] {
    return [...this.#exchangeApps].filter(([, app]) => app.servicePrincipalObjectId !== undefined);
  }

  /** Whether Exchange knows the app's service principal by its right object id. */
  isRegisteredInExchange(clientId: string): boolean {
    const servicePrincipalId = this.apps.get(clientId.toLowerCase())?.servicePrincipalId;
    const { servicePrincipalObjectId } = this.exchangeApp(clientId);
    return servicePrincipalId !== undefined && servicePrincipalObjectId?.toLowerCase() === servicePrincipalId;
  }

  /** Creates a person with the common initial password. */
  addUser(address: string, personal = false): User {
    const upn = address.toLowerCase();
    const user: User = {
      upn,
      objectId: userObjectId(upn),
      displayName: upn.split('@')[0] ?? upn,
      personal,
      password: this.#userPassword,
      administrator: false,
      disabled: false,
      locked: false,
      passwordExpired: false,
      multiFactor: false,
      groups: [],
      signInsEnded: { times: 0, atMs: 0 },
    };
    this.users.set(upn, user);
    return user;
  }

  /** Ends every sign-in of a person: refresh tokens issued before become invalid. */
  endSignIns(user: User): void {
    user.signInsEnded = { times: user.signInsEnded.times + 1, atMs: this.nowMs() };
  }

  /** Whether a URL's tenant segment means this tenant. */
  isNamed(name: string): boolean {
    const wanted = name.toLowerCase();
    return wanted === this.id.toLowerCase() || wanted === this.domain.toLowerCase();
  }
}

/** The tenant that all personal accounts are in. Learn, "ID token claims reference", `tid`. */
export const personalTenantId = '9188040d-6c67-4c5b-b112-36a304b66dad';

/** The tenant in a person's tokens. */
export function tenantOf(tenant: Tenant, { personal }: User): string {
  return personal ? personalTenantId : tenant.id;
}

/** Whether a permission reaches a mailbox. */
export function reaches(reach: Reach, mailbox: string): boolean {
  return reach === 'all' || reach.includes(mailbox.toLowerCase());
}

/** A user's object id in the directory: the same at every start. */
export function userObjectId(address: string): string {
  const hex = createHash('sha256').update(address.toLowerCase()).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
