import { isLoopback } from '../base/sockets/loopback.ts';
import type { Config, ListenerConfig } from './schema.ts';

/**
 * What is allowed but probably not meant, one line each.
 * @param file mode bits of the configuration file and whether a secret stands in it
 */
export function configWarnings(
  config: Config,
  file: { readonly mode: number; readonly holdsSecrets: boolean },
): string[] {
  const warnings: string[] = [];
  if (file.holdsSecrets && (file.mode & 0o077) !== 0) {
    warnings.push(
      'the file holds secrets and others on this machine may read it: chmod 600, or use {"env"} or {"file"}',
    );
  }
  for (const [name, { grant }] of Object.entries(config.connections)) {
    if (grant === 'password') {
      warnings.push(
        `connections.${name}.grant: "password" is deprecated by Microsoft; use client-credentials if you can`,
      );
    }
  }
  if (config.admin && !isLoopback(config.admin.host)) {
    warnings.push(
      `admin: whoever reaches ${config.admin.host}:${config.admin.port} sees the metrics, without a password`,
    );
  }
  const passwords = config.accounts.some((account) => account.password !== undefined);
  config.listeners.forEach((listener, index) => {
    if (passwords) warnings.push(...unencrypted(listener).map((text) => `listeners[${index}]: ${text}`));
    warnings.push(...oldTls(listener.tls ?? {}).map((text) => `listeners[${index}].tls: ${text}`));
  });
  warnings.push(...uselessCramMd5(config));
  warnings.push(...oldTls(config.tls ?? {}).map((text) => `tls: ${text}`));
  config.accounts.forEach((account, index) => {
    if (account.networks && account.send === undefined) {
      warnings.push(`accounts[${index}].networks: ignored, the account has no "send"`);
    }
    if (account.password === undefined && account.read !== undefined) {
      warnings.push(`accounts[${index}].read: ignored, reading needs a "password"`);
    }
  });
  return warnings;
}

function unencrypted(listener: ListenerConfig): string[] {
  if (isLoopback(listener.host) || listener.security === 'tls') return [];
  if (listener.allowInsecureAuth) return [`passwords may travel unencrypted to ${listener.host}:${listener.port}`];
  if (listener.security === 'none' && !listener.cramMd5)
    return ['security is "none", so nobody beyond this machine can log in with a password'];
  return [];
}

/** CRAM-MD5 needs the password itself. */
function uselessCramMd5({ accounts, listeners }: Config): string[] {
  if (accounts.some(({ password }) => password !== undefined && !password.reveal().startsWith('$scrypt$'))) return [];
  return listeners.flatMap(({ cramMd5 }, index) =>
    cramMd5
      ? [
          `listeners[${index}].cramMd5: ignored, no account has a "password" that is not a hash; use {"env"} or {"file"}`,
        ]
      : [],
  );
}

function oldTls(tls: { readonly minVersion?: string; readonly ciphers?: string }): string[] {
  const old = tls.minVersion === 'TLSv1' || tls.minVersion === 'TLSv1.1';
  return old && !tls.ciphers?.includes('@SECLEVEL=0')
    ? [`${tls.minVersion} does not work without "@SECLEVEL=0" in "ciphers"`]
    : [];
}
