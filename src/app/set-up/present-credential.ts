import { readPem } from '../../base/files/pem-file.ts';
import type { AppCredential } from '../../onboarding/registration/credentials.ts';
import type { LooseConfig } from './loose-config.ts';

/** The configured credential of a connection; undefined if it has none or it is not available. */
export async function presentCredential(
  config: LooseConfig,
  connection: Readonly<Record<string, unknown>>,
): Promise<AppCredential | undefined> {
  const { cert, key } = (connection.clientCertificate ?? {}) as { readonly cert?: unknown; readonly key?: unknown };
  if (typeof cert === 'string' && typeof key === 'string') {
    const read = (path: string) => readPem(config.pathOf(path)).catch(() => undefined);
    const [certPem, keyPem] = [await read(cert), await read(key)];
    return certPem && keyPem ? { kind: 'certificate', certPem, keyPem } : undefined;
  }
  const value = config.secret(connection.clientSecret);
  return value === undefined ? undefined : { kind: 'secret', value };
}
