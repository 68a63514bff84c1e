import { BlockList, isIP } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { BridgeError } from '../base/errors.ts';

/** Where Exchange is reached for one of its protocols, and how the connection is protected. */
export interface ExchangeEndpoint {
  readonly host: string;
  readonly port: number;
  /** `starttls` is required, never tried in hope. `none` is for a test server on this machine alone. */
  readonly security: 'tls' | 'starttls' | 'none';
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** @throws BridgeError `config-invalid` if a token would cross a network in clear */
export function assertProtected({ host, security }: ExchangeEndpoint): void {
  if (security !== 'none' || isLoopback(host)) return;
  throw new BridgeError(
    'config-invalid',
    `A connection to ${host} without TLS would show the access token to anybody.`,
    {
      remedy: 'Set security of the endpoint to tls or starttls.',
    },
  );
}

/** One per set of authorities: making one reads every certificate of the system, which takes a megabyte and a while. */
const secureContexts = new Map<string | undefined, SecureContext>();

/** Trusts the authorities of the system and `extraCa` (PEM); TLS 1.2 or later. */
export function secureContextOf(extraCa: string | undefined): SecureContext {
  let context = secureContexts.get(extraCa);
  if (context === undefined) {
    const ca = extraCa === undefined ? {} : { ca: [...getCACertificates('default'), extraCa] };
    context = createSecureContext({ minVersion: 'TLSv1.2', ...ca });
    secureContexts.set(extraCa, context);
  }
  return context;
}
