import { readCertificates } from '../../base/files/pem-file.ts';
import { createHttpClient, type HttpClient } from '../../base/http/client.ts';
import type { CloudEndpoints } from '../../config/clouds.ts';
import type { LooseConfig } from './loose-config.ts';

/**
 * An HTTP client that reaches a connection's cloud: through the proxy, trusting its CA. The caller closes it.
 * @throws BridgeError `tls-material-unreadable`, `proxy-invalid`
 */
export async function openHttp(
  endpoints: Pick<CloudEndpoints, 'caFile'>,
  config: Pick<LooseConfig, 'proxy'>,
): Promise<HttpClient> {
  const ca = endpoints.caFile === undefined ? undefined : await readCertificates(endpoints.caFile);
  return createHttpClient({ ca, proxy: config.proxy });
}
