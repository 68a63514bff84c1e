import { isLoopback } from '../base/sockets/loopback.ts';
import { isDomainPattern } from './fields.ts';
import type { AccountConfig, Config, ListenerConfig } from './schema.ts';

/**
 * Warnings about what is allowed but probably not intended, one line each.
 * @param file mode bits of the configuration file and whether it contains a secret
 */
export function configWarnings(
  config: Config,
  file: { readonly mode: number; readonly holdsSecrets: boolean },
): string[] {
  const warnings: string[] = [];
  if (file.holdsSecrets && (file.mode & 0o077) !== 0) {
    warnings.push(
      'the file contains secrets and others on this machine may read it: chmod 600, or use {"env"} or {"file"}',
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
      `admin: anybody who can reach ${config.admin.host}:${config.admin.port} sees the metrics, without a password`,
    );
  }
  if (config.workers !== 1 && config.listeners.every(({ protocol }) => protocol === 'smtp')) {
    warnings.push('workers: ignored, no listener speaks IMAP or POP3');
  } else if (config.workers !== 1 && config.accounts.some(({ read }) => read === 'graph')) {
    warnings.push('workers: ignored, an account reads through Graph, and all sessions of a mailbox share its index');
  }
  const passwords = config.accounts.some(hasPassword);
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
    if (account.password !== undefined && isDomainPattern(account.username)) {
      warnings.push(
        `accounts[${index}].password: one password logs in as anybody of ${account.username}, and opens their mailbox; use "passwordFrom"`,
      );
    }
    if (!hasPassword(account) && account.read !== undefined) {
      warnings.push(`accounts[${index}].read: ignored, reading needs a "password" or "passwordFrom"`);
    }
  });
  return warnings;
}

function hasPassword({ password, passwordFrom }: AccountConfig): boolean {
  return password !== undefined || passwordFrom !== undefined;
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
