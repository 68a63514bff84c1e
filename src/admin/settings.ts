import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { OidcSettings } from './access/oidc/provider.ts';
import type { AdminSessions } from './access/sessions.ts';

/** Certificate and key of the server, PEM. */
export interface AdminTls {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
}

/** How the admin server is reached, and how somebody signs in. */
export interface AdminSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: without encryption. */
  readonly tls?: AdminTls | undefined;
  /** False: only health and metrics. */
  readonly pages: boolean;
  /** Host names by which it is addressed, besides `localhost` and addresses. */
  readonly names: readonly string[];
  /** Host names by which mail programs request their settings, and nothing else. Default: none. */
  readonly programNames?: readonly string[];
  /** Where people reach it: an origin. */
  readonly publicUrl?: string | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** For the audit log. */
  readonly dataDir: string;
  /** Replaces the token in the data folder. */
  readonly token?: string | undefined;
  /** Permits viewing, but no changes. */
  readonly viewToken?: string | undefined;
  /** Undefined: no sign-in through Entra ID. */
  readonly oidc?: OidcSettings | undefined;
}

/** What the admin server works with. */
export interface AdminServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sessions of an earlier server. Default: none. */
  readonly sessions?: AdminSessions | undefined;
}
