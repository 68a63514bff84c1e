import { BlockList, isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
import { BridgeError } from '../base/errors.ts';

/**
 * Where mail is submitted, and how the connection is protected. Exchange Online, worldwide: `smtp.office365.com`, 587,
 * `starttls` (Microsoft: "How to set up a multifunction device or application to send email").
 */
export interface SmtpEndpoint {
  readonly host: string;
  readonly port: number;
  /** `starttls` is required, never tried in hope. `none` is for a test server on this machine alone. */
  readonly security: 'starttls' | 'tls' | 'none';
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** @throws BridgeError `config-invalid` if a token would cross a network in clear */
export function assertProtected(endpoint: SmtpEndpoint): void {
  if (endpoint.security !== 'none' || isLoopback(endpoint.host)) return;
  throw new BridgeError(
    'config-invalid',
    `SMTP to ${endpoint.host} without TLS would show the access token to anybody.`,
    {
      remedy: 'Set security of the SMTP endpoint to starttls or tls.',
    },
  );
}

/** The authorities a certificate may come from: those of the system, and `extraCa` (PEM). */
export function trustedAuthorities(extraCa: string | undefined): string[] | undefined {
  return extraCa === undefined ? undefined : [...getCACertificates('default'), extraCa];
}
