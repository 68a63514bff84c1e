import type { CertificateAndKey } from '../base/certificates.ts';
import type { AdminConfig, Config, ListenerConfig } from '../config/schema.ts';
import { configuredHost } from './listeners/client-hosts.ts';
import { localCertificate, readTlsFiles, type TlsFiles } from './tls-material.ts';

/** Certificate, key and TLS settings of a listener. */
export interface ListenerTls extends CertificateAndKey {
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
}

/** A port that may speak TLS. */
export type TlsEndpoint = ListenerConfig | AdminConfig;

/** The ports of a configuration, including that of the admin server. */
export function tlsEndpoints({ listeners, admin }: Config): readonly TlsEndpoint[] {
  return admin ? [...listeners, admin] : listeners;
}

/** The files of a listener's certificate and key; undefined if none are given. */
export function tlsFilesOf({ tls }: TlsEndpoint, config: Config): TlsFiles | undefined {
  const cert = tls?.cert ?? config.tls?.cert;
  const key = tls?.key ?? config.tls?.key;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

/** The certificates of all listeners, read once. */
export class ListenerCertificates {
  readonly #config: Config;
  readonly #byListener: ReadonlyMap<TlsEndpoint, CertificateAndKey>;
  /** The file of the authority of a local certificate; undefined if all were given. */
  readonly authorityFile: string | undefined;

  private constructor(
    config: Config,
    byListener: ReadonlyMap<TlsEndpoint, CertificateAndKey>,
    authorityFile: string | undefined,
  ) {
    this.#config = config;
    this.#byListener = byListener;
    this.authorityFile = authorityFile;
  }

  /**
   * Reads the certificate of each listener that uses TLS, or creates one if none is given.
   * @throws BridgeError `tls-material-unreadable`
   */
  static async open(config: Config, hostname: string, nowMs: number): Promise<ListenerCertificates> {
    const byListener = new Map<TlsEndpoint, CertificateAndKey>();
    let authorityFile: string | undefined;
    for (const listener of tlsEndpoints(config)) {
      if (listener.security === 'none') continue;
      const files = tlsFilesOf(listener, config);
      if (files) {
        byListener.set(listener, await readTlsFiles(files));
      } else {
        const local = await localCertificate(config.dataDir, [hostname, configuredHost(config) ?? hostname], nowMs);
        authorityFile = local.authorityFile;
        byListener.set(listener, local);
      }
    }
    return new ListenerCertificates(config, byListener, authorityFile);
  }

  /** What a listener needs for TLS; undefined if it uses none. */
  of(listener: TlsEndpoint): ListenerTls | undefined {
    const material = this.#byListener.get(listener);
    if (!material) return undefined;
    const ciphers = listener.tls?.ciphers ?? this.#config.tls?.ciphers;
    return {
      cert: material.cert,
      key: material.key,
      minVersion: listener.tls?.minVersion ?? this.#config.tls?.minVersion ?? 'TLSv1.2',
      ...(ciphers === undefined ? {} : { ciphers }),
    };
  }
}
