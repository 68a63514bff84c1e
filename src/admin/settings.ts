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

/** How the admin server is reached, and by what somebody signs in. */
export interface AdminSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined: without encryption. */
  readonly tls?: AdminTls | undefined;
  /** False: health and metrics alone. */
  readonly pages: boolean;
  /** Host names by which it is asked for, beside `localhost` and addresses. */
  readonly names: readonly string[];
  /** Host names by which mail programs ask for their settings, and for nothing else. Default: none. */
  readonly programNames?: readonly string[];
  /** Where people reach it: an origin. */
  readonly publicUrl?: string | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** For the audit log. */
  readonly dataDir: string;
  /** In place of the token in the data folder. */
  readonly token?: string | undefined;
  /** Lets somebody look, and change nothing. */
  readonly viewToken?: string | undefined;
  /** Undefined: nobody signs in by Entra ID. */
  readonly oidc?: OidcSettings | undefined;
}

/** What the admin server works with. */
export interface AdminServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sign-ins of a server that was here before. Default: none. */
  readonly sessions?: AdminSessions | undefined;
}
