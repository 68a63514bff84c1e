import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { AdminAccess } from '../access/access.ts';
import { AuditLog } from '../access/audit-log.ts';
import { OidcProvider, type OidcSettings } from '../access/oidc/provider.ts';
import { addOidcRoutes, type OidcRouteParts } from '../access/oidc/routes.ts';
import { OidcSignIn } from '../access/oidc/sign-in.ts';
import { AdminSessions } from '../access/sessions.ts';
import { readAdminToken } from '../access/token-file.ts';
import { type AdminTokenSource, AdminTokens } from '../access/tokens.ts';
import { EventHub } from '../api/events/hub.ts';
import { type ApiGate, addApiRoutes, apiPrefix, refuse } from '../api/register.ts';
import { apiRoutes } from '../api/routes.ts';
import { PendingConnects } from '../connect/pending.ts';
import type { ConnectedMailbox, ConnectPort } from '../connect/port.ts';
import { addConnectRoutes, addProgramRoutes } from '../connect/routes.ts';
import type { AdminPorts, SetupModePorts } from '../ports.ts';
import type { AdminServerOptions, AdminSettings } from '../settings.ts';
import { setSecurityHeaders } from './headers.ts';
import { HostCheck } from './hosts.ts';
import { PageFiles } from './page-files.ts';
import { addPageRoutes } from './page-routes.ts';
import { notFound } from './refusal.ts';

/** Pages and API. */
export interface ProtectedPart {
  /** Ends all sessions. */
  close(): void;
}

/**
 * Adds pages and API: they are only served under the server's own names, and the API only to callers who are signed in.
 */
export function openProtected(
  app: FastifyInstance,
  settings: AdminSettings,
  ports: AdminPorts | SetupModePorts,
  { clock, log, sessions: kept }: AdminServerOptions,
): ProtectedPart {
  const hosts = new HostCheck({ hosts: settings.names, publicUrl: settings.publicUrl });
  const audit = new AuditLog({ dataDir: settings.dataDir, clock, log });
  const sessions = kept ?? new AdminSessions(clock);
  const isTls = settings.tls !== undefined;
  const isSecure = isTls || settings.publicUrl?.startsWith('https:') === true;
  const access = new AdminAccess({
    tokens: new AdminTokens(tokenSources(settings)),
    sessions,
    hosts,
    clock,
    log,
    isSecure,
    signInBy: settings.oidc ? ['token', 'oidc'] : ['token'],
  });
  const gate = { access, audit, log };
  const hub = new EventHub({ clock, log, logTail: ports.logTail, overview: () => ports.overview() });
  const endEvents = ports.events((event) => hub.tell(event));
  const connect = 'connect' in ports ? ports.connect : undefined;
  const pending = connect && new PendingConnects({ connect, clock, log, onConnected: recordConnected(audit) });
  const files = new PageFiles();
  if (connect) addPrograms(app, settings, connect, gate);
  app.register((part, _, done) => {
    guard(part, hosts, isTls, gate);
    addPageRoutes(part, files);
    if (settings.oidc) addOidc(part, settings, settings.oidc, { ...gate, isSecure, clock });
    const api = connect && pending && { connect, pending, isSecure };
    if (api) addConnectRoutes(part, api, files);
    addApiRoutes(part, apiRoutes(ports, { hub, access, clock }, audit, api), gate);
    // For all other paths: the same headers, the same checks.
    part.all(`${apiPrefix}/*`, () => notFound('The API has no such path.'));
    part.all('/*', (_, reply) => reply.code(404).send(''));
    done();
  });
  return {
    close() {
      endEvents();
      hub.close();
      void pending?.close();
      // Sessions that were passed in continue at the next server.
      if (!kept) sessions.close();
      audit.close();
      void settings.oidc?.http.close();
    },
  };
}

/** Mail programs also use the names of the domains; administration does not. */
function addPrograms(app: FastifyInstance, settings: AdminSettings, connect: ConnectPort, gate: ApiGate): void {
  const { names, programNames = [], publicUrl, tls } = settings;
  const hosts = new HostCheck({ hosts: [...names, ...programNames], publicUrl });
  app.register((part, _, done) => {
    guard(part, hosts, tls !== undefined, gate);
    addProgramRoutes(part, connect);
    done();
  });
}

/** What every request of a part passes first. */
function guard(part: FastifyInstance, hosts: HostCheck, isTls: boolean, gate: ApiGate): void {
  part.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply, isTls);
    hosts.assertOwnHost(request);
  });
  part.setErrorHandler((error, _, reply) => refuse(reply, error, gate));
}

/** A person who has signed in at `/connect` now has a password. */
function recordConnected(audit: AuditLog) {
  return ({ address: user, invitation }: ConnectedMailbox, address: string) => {
    const details = invitation === undefined ? {} : { invitation };
    audit.record({ user, by: 'connect', address, action: 'connect-password', details, outcome: 'done' });
  };
}

type OidcParts = Omit<OidcRouteParts, 'signIn' | 'origin'> & Pick<AdminServerOptions, 'clock'>;

function addOidc(
  app: FastifyInstance,
  settings: AdminSettings,
  oidc: OidcSettings,
  { clock, ...gate }: OidcParts,
): void {
  const signIn = new OidcSignIn(new OidcProvider(oidc, clock), oidc, clock);
  // Entra ID only accepts http for localhost.
  const origin = () =>
    settings.publicUrl ??
    `${settings.tls ? 'https' : 'http'}://localhost:${(app.server.address() as AddressInfo).port}`;
  addOidcRoutes(app, { ...gate, signIn, origin });
}

function tokenSources({ token, viewToken, dataDir }: AdminSettings): AdminTokenSource[] {
  // The token in the data folder is read at each use: it may have been replaced.
  const operate = token === undefined ? () => readAdminToken(dataDir) : async () => token;
  return [
    { role: 'operate', token: operate },
    ...(viewToken === undefined ? [] : [{ role: 'view' as const, token: async () => viewToken }]),
  ];
}
