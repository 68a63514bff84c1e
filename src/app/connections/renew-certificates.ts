import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Config, Connection } from '../../config/schema.ts';
import { rotateRemedy } from '../../onboarding/names.ts';
import { readCertificatePair } from '../../onboarding/registration/credential-files.ts';
import { graphDirectory } from '../../onboarding/registration/graph-directory.ts';
import {
  finishRenewal,
  isDueForRenewal,
  type RenewedApp,
  renewCertificate,
} from '../../onboarding/registration/renew-certificate.ts';
import { clientCredentialsGrant } from '../../tokens/grants/client-credentials.ts';
import type { BridgeState } from '../bridge-state.ts';
import type { Upstream } from './upstream.ts';

/** What renewing needs besides the state. */
export interface RenewalParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the waits. */
  readonly signal: AbortSignal;
}

/**
 * Renews app certificates that expire soon, if the configuration names their app registration. Failures are logged and
 * tried again the next time. Never rejects.
 * @returns the configuration to reload; undefined if nothing was renewed
 */
export async function renewClientCertificates(
  { config, upstreams }: Pick<BridgeState, 'config' | 'upstreams'>,
  parts: RenewalParts,
): Promise<Config | undefined> {
  const renewed = new Map<string, Connection>();
  for (const [name, connection] of Object.entries(config.connections)) {
    const upstream = upstreams.get(name);
    if (connection.grant !== 'client-credentials' || !upstream) continue;
    if (await isRenewed(name, connection, upstream, parts)) renewed.set(name, { ...connection });
  }
  if (renewed.size === 0) return undefined;
  // Contents of a connection's files may be cached by connection object, so the renewed ones are new objects.
  return { ...config, connections: { ...config.connections, ...Object.fromEntries(renewed) } };
}

type AppConnection = Extract<Connection, { grant: 'client-credentials' }>;

async function isRenewed(
  name: string,
  connection: AppConnection,
  upstream: Upstream,
  { clock, log, signal }: RenewalParts,
): Promise<boolean> {
  const { clientCertificate: files, applicationObjectId: applicationId } = connection;
  if (!files || applicationId === undefined) return false;
  try {
    await finishRenewal(files);
    const { cert } = await readCertificatePair(files);
    if (!isDueForRenewal(cert, clock.now())) return false;
    log.info({ connection: name }, `the certificate of ${name} ends on ${endOf(cert)}: renewing it`);
    const app = renewedApp(name, connection, { files, applicationId, upstream, clock, signal });
    const waits = (text: string) => log.info({ connection: name }, `certificate of ${name}: ${text}`);
    const endMs = await renewCertificate(app, { clock, signal, tell: waits });
    log.info({ connection: name }, `the certificate of ${name} has been renewed: it ends on ${dayOf(endMs)}`);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    const remedy =
      error instanceof BridgeError && error.code === 'file-not-written' ? error.remedy : rotateRemedy(name);
    const code = error instanceof BridgeError ? error.code : undefined;
    log.error(
      { connection: name, code, error },
      `cannot renew the certificate of ${name}: ${errorText(error)} ${remedy}`,
    );
    return false;
  }
}

function renewedApp(
  name: string,
  { tenantId, clientId }: AppConnection,
  parts: Pick<RenewedApp, 'files' | 'applicationId'> & {
    readonly upstream: Upstream;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): RenewedApp {
  const { files, applicationId, upstream, clock, signal } = parts;
  const { http, endpoints } = upstream;
  const { authority, graph: origin, graphScope } = endpoints;
  return {
    ...{ name, applicationId, files, graphScope },
    grantBy({ cert: certPem, key: keyPem }) {
      const credential = { kind: 'certificate', certPem, keyPem } as const;
      return clientCredentialsGrant({ name, tenantId, clientId, credential, authority, http, clock });
    },
    directoryBy: (accessToken) => graphDirectory({ http, clock, origin, accessToken, signal }),
  };
}

function endOf(certPem: string): string {
  return dayOf(Date.parse(new X509Certificate(certPem).validTo));
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
