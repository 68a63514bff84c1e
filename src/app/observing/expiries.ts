import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ExpiryFacts } from '../../admin/facts.ts';
import type { Config, Connection } from '../../config/schema.ts';
import type { BridgeState } from '../bridge-state.ts';
import type { Upstream } from '../connections/upstream.ts';
import { tlsFilesOf } from '../listener-certificates.ts';

/**
 * A refresh token that is not used expires after 90 days (Microsoft identity platform documentation, "Refresh tokens").
 */
const signInLivesMs = 90 * 24 * 3_600_000;

/** When the credentials of the connections and the listeners expire, as far as that is known here. Never rejects. */
export async function expiriesOf({ config, upstreams }: Pick<BridgeState, 'config' | 'upstreams'>) {
  const ofConnections = Object.entries(config.connections).map(([name, connection]) =>
    ofConnection(name, connection, upstreams.get(name)),
  );
  return (await Promise.all([...ofConnections, ofListeners(config)])).flat();
}

async function ofConnection(name: string, connection: Connection, upstream: Upstream | undefined) {
  const found: ExpiryFacts[] = [];
  if ('clientSecret' in connection && connection.clientSecret !== undefined) {
    const { clientSecretExpiresAt: at } = connection;
    found.push({ connection: name, what: 'client secret', atMs: at === undefined ? undefined : Date.parse(at) });
  }
  if ('clientCertificate' in connection && connection.clientCertificate !== undefined) {
    const isRenewed = connection.applicationObjectId !== undefined;
    found.push({
      connection: name,
      what: 'certificate',
      atMs: await endOf(connection.clientCertificate.cert),
      ...(isRenewed && { isRenewed }),
    });
  }
  if (upstream?.person && connection.grant !== 'password') {
    // A sign-in that cannot be read, or has ended, is trouble of its own.
    const signIn = await upstream.person.store.read().catch(() => undefined);
    const renewed = signIn && signIn.ended === undefined ? signIn.renewedAtMs + signInLivesMs : undefined;
    found.push({ connection: name, what: 'sign-in', atMs: renewed });
  }
  return found;
}

/** The first given certificate to expire; local ones renew themselves. */
async function ofListeners(config: Config): Promise<ExpiryFacts[]> {
  const tls = config.listeners.filter(({ security }) => security !== 'none');
  const files = new Set(tls.flatMap((listener) => tlsFilesOf(listener, config)?.cert ?? []));
  const ends = await Promise.all([...files].map(endOf));
  const known = ends.filter((each) => each !== undefined);
  return known.length === 0 ? [] : [{ connection: 'listeners', what: 'certificate', atMs: Math.min(...known) }];
}

async function endOf(file: string): Promise<number | undefined> {
  try {
    return Date.parse(new X509Certificate(await readFile(file)).validTo);
  } catch {
    return undefined;
  }
}
