import { BridgeError } from '../errors.ts';

/** Which proxy serves which requests. An empty string means none. */
export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** Hosts reached without the proxy, as in `NO_PROXY`: names, `.suffix`, `host:port`, `*`; separated by commas. */
  readonly noProxy: string;
}

/**
 * Returns the proxy to use: the configured one, which then serves every host, or else that of the environment
 * (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, lower case first). Undefined if there is none.
 * @throws BridgeError `proxy-invalid`
 */
export function proxySettings(configured: string | undefined, env: NodeJS.ProcessEnv): ProxySettings | undefined {
  if (configured) {
    const proxy = checkedProxy(configured, 'proxy');
    return { httpProxy: proxy, httpsProxy: proxy, noProxy: '' };
  }
  const httpProxy = checkedProxy(env.http_proxy ?? env.HTTP_PROXY ?? '', 'HTTP_PROXY');
  const httpsProxy = checkedProxy(env.https_proxy ?? env.HTTPS_PROXY ?? '', 'HTTPS_PROXY');
  if (!httpProxy && !httpsProxy) return undefined;
  return { httpProxy, httpsProxy, noProxy: env.no_proxy ?? env.NO_PROXY ?? '' };
}

function checkedProxy(value: string, source: string): string {
  if (value === '') return '';
  // `proxy:3128` is common in the environment, and would parse as a URL with the scheme "proxy".
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The value itself may contain a password and is not repeated.
    throw new BridgeError('proxy-invalid', `The proxy given by ${source} is not an http:// or https:// address.`);
  }
  return text;
}
