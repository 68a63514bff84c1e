import type { AdminPorts } from '../../admin/ports.ts';
import type { AdminServer } from '../../admin/server/admin-server.ts';
import type { AdminServerOptions, AdminSettings } from '../../admin/settings.ts';
import type { AdminConfig, Config } from '../../config/schema.ts';
import type { ListenerCertificates } from '../listener-certificates.ts';
import { portFailure } from '../port-failure.ts';

/** What the admin server of a configuration is opened with. */
export interface AdminOpening extends AdminServerOptions {
  readonly config: Config;
  /** Of the bridge. */
  readonly hostname: string;
  readonly certificates: ListenerCertificates;
  /** Called where there is an admin server alone. */
  ports(): AdminPorts;
}

/**
 * Opens the admin server, where the configuration has one.
 * @throws BridgeError `port-in-use`, `listen-failed`, `admin-token-unusable`
 */
export async function openAdmin(opening: AdminOpening): Promise<AdminServer | undefined> {
  const { config, log, ports } = opening;
  const { admin } = config;
  if (!admin) return undefined;
  const { listenAdmin } = await import('../../admin/server/admin-server.ts');
  const server = await listenAdmin(settingsOf(admin, opening), ports(), opening).catch((error: unknown) =>
    Promise.reject(portFailure(error, 'admin', admin)),
  );
  const what = admin.pages ? '/ui/, /health, /readyz, /metrics' : '/health, /readyz, /metrics';
  log.info({ host: admin.host, port: server.port }, `admin endpoint listening: ${what}`);
  return server;
}

function settingsOf(admin: AdminConfig, { config, hostname, certificates }: AdminOpening): AdminSettings {
  return {
    host: admin.host,
    port: admin.port,
    tls: certificates.of(admin),
    pages: admin.pages,
    names: [hostname, admin.host, ...connectNames(admin)],
    publicUrl: admin.publicUrl,
    dataDir: config.dataDir,
    token: admin.token?.reveal(),
    viewToken: admin.viewToken?.reveal(),
  };
}

/** By which mail programs look for the settings of an address. */
function connectNames({ connect }: AdminConfig): string[] {
  return (connect?.domains ?? []).flatMap((domain) => [domain, `autoconfig.${domain}`, `autodiscover.${domain}`]);
}
