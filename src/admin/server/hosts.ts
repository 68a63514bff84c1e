import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../base/errors.ts';

/** The names by which the server is addressed. */
export interface OwnNames {
  /** Host names, in lower case, besides `localhost` and addresses. */
  readonly hosts: readonly string[];
  /** Where people reach it, for instance behind a proxy: `https://mail.contoso.com`. */
  readonly publicUrl?: string | undefined;
}

/**
 * Refuses requests for other names. A page elsewhere can point its own name to this machine (DNS rebinding); its
 * requests then carry that name. An IP address instead was typed by the user: nobody else decides where it leads.
 */
export class HostCheck {
  readonly #hosts: ReadonlySet<string>;
  readonly #publicOrigin: string | undefined;

  constructor({ hosts, publicUrl }: OwnNames) {
    const url = publicUrl === undefined ? undefined : new URL(publicUrl);
    this.#publicOrigin = url?.origin;
    this.#hosts = new Set(['localhost', ...hosts.map((host) => host.toLowerCase()), ...(url ? [url.hostname] : [])]);
  }

  /** @throws BridgeError `admin-host-unknown` */
  assertOwnHost({ headers: { host } }: Pick<FastifyRequest, 'headers'>): void {
    const name = host === undefined ? undefined : hostnameOf(host);
    if (name !== undefined && this.#isOwn(name)) return;
    throw new BridgeError('admin-host-unknown', 'This server has another name than the one that was asked for.');
  }

  /**
   * Refuses requests from a page of another origin. Programs send no Origin.
   * @throws BridgeError `admin-request-forged`
   */
  assertOwnOrigin({ headers }: Pick<FastifyRequest, 'headers'>): void {
    const site = headers['sec-fetch-site'];
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
    if (isOwnSite && (headers.origin === undefined || this.#isOwnOrigin(headers.origin, headers.host))) return;
    throw new BridgeError('admin-request-forged', 'A page of another origin has sent this request.');
  }

  #isOwn(name: string): boolean {
    return this.#hosts.has(name) || isIP(name.replace(/^\[|\]$/g, '')) > 0;
  }

  /** The scheme may be that of a proxy in front. */
  #isOwnOrigin(origin: string, host: string | undefined): boolean {
    return (
      origin === this.#publicOrigin ||
      (host !== undefined && URL.parse(origin)?.host === URL.parse(`http://${host}`)?.host)
    );
  }
}

/** The name in a Host header, in lower case, without a trailing dot; undefined if it is not a name. */
function hostnameOf(host: string): string | undefined {
  if (!/^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(host)) return undefined;
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '');
}
