import type { OidcSettings } from '../../admin/access/oidc/provider.ts';
import type { AdminPorts } from '../../admin/ports.ts';
import type { AdminServer } from '../../admin/server/admin-server.ts';
import type { AdminServerOptions, AdminSettings } from '../../admin/settings.ts';
import { readCertificates } from '../../base/files/pem-file.ts';
import { createHttpClient } from '../../base/http/client.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { AdminConfig, Config } from '../../config/schema.ts';
import type { ListenerCertificates } from '../listener-certificates.ts';
import { portFailure } from '../port-failure.ts';

/** What the admin server of a configuration needs to open. */
export interface AdminOpening extends AdminServerOptions {
  readonly config: Config;
  /** Host name of the bridge. */
  readonly hostname: string;
  readonly certificates: ListenerCertificates;
  /** Only called if there is an admin server. */
  ports(): AdminPorts;
}

/**
 * Opens the admin server, if the configuration has one.
 * @throws BridgeError `port-in-use`, `listen-failed`, `admin-token-unusable`
 */
export async function openAdmin(opening: AdminOpening): Promise<AdminServer | undefined> {
  const { config, log, ports } = opening;
  const { admin } = config;
  if (!admin) return undefined;
  const { listenAdmin } = await import('../../admin/server/admin-server.ts');
  const server = await listenAdmin(await settingsOf(admin, opening), ports(), opening).catch((error: unknown) =>
    Promise.reject(portFailure(error, 'admin', admin)),
  );
  const what = admin.pages ? '/ui/, /health, /readyz, /metrics' : '/health, /readyz, /metrics';
  log.info({ host: admin.host, port: server.port }, `admin endpoint listening: ${what}`);
  return server;
}

async function settingsOf(
  admin: AdminConfig,
  { config, hostname, certificates }: AdminOpening,
): Promise<AdminSettings> {
  return {
    host: admin.host,
    port: admin.port,
    tls: certificates.of(admin),
    pages: admin.pages,
    names: [hostname, admin.host],
    programNames: programNames(admin),
    publicUrl: admin.publicUrl,
    trustedProxies: admin.trustedProxies,
    dataDir: config.dataDir,
    token: admin.token?.reveal(),
    viewToken: admin.viewToken?.reveal(),
    oidc: admin.oidc && (await oidcOf(admin.oidc, config)),
  };
}

async function oidcOf(oidc: NonNullable<AdminConfig['oidc']>, { proxy }: Config): Promise<OidcSettings> {
  const { tenantId, clientId, clientSecret, operateGroup, viewGroup } = oidc;
  const { authority, caFile } = resolveCloud(oidc.cloud, tenantId);
  const ca = caFile === undefined ? undefined : await readCertificates(caFile);
  const http = createHttpClient({ ca, proxy: proxy?.reveal() });
  return { authority, tenantId, clientId, clientSecret: clientSecret.reveal(), operateGroup, viewGroup, http };
}

/** The names under which mail programs look for the settings of an address. */
function programNames({ connect }: AdminConfig): string[] {
  return (connect?.domains ?? []).flatMap((domain) => [domain, `autoconfig.${domain}`, `autodiscover.${domain}`]);
}
