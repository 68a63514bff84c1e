import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { BridgeError } from '../base/errors.ts';
import { isLoopback } from '../base/sockets/loopback.ts';

/** Address of Exchange for one of its protocols, and how the connection is protected. */
export interface ExchangeEndpoint {
  readonly host: string;
  readonly port: number;
  /** `starttls` is mandatory, not opportunistic. `none` is only for a test server on this machine. */
  readonly security: 'tls' | 'starttls' | 'none';
}

/** @throws BridgeError `config-invalid` if a token would cross a network in clear */
export function assertProtected({ host, security }: ExchangeEndpoint): void {
  if (security !== 'none' || isLoopback(host)) return;
  throw new BridgeError(
    'config-invalid',
    `A connection to ${host} without TLS would expose the access token to anybody.`,
    {
      remedy: 'Set security of the endpoint to tls or starttls.',
    },
  );
}

/**
 * One per set of authorities: creating one reads every certificate of the system, which takes a megabyte and a while.
 */
const secureContexts = new Map<string | undefined, SecureContext>();

/**
 * The keys of a post-quantum exchange stay in memory as long as the connection, 10 kB per open mailbox. So none are
 * generated in advance; the exchange is still offered, and a server that wants it asks (RFC 8446 section 4.1.4).
 */
const keyExchange =
  Number.parseFloat(process.versions.openssl) >= 3.5 ? { ecdhCurve: 'X25519:P-256:P-384:P-521:X25519MLKEM768' } : {};

/** Creates a TLS context that trusts the authorities of the system and `extraCa` (PEM); TLS 1.2 or later. */
export function secureContextOf(extraCa: string | undefined): SecureContext {
  let context = secureContexts.get(extraCa);
  if (context === undefined) {
    const ca = extraCa === undefined ? {} : { ca: [...getCACertificates('default'), extraCa] };
    context = createSecureContext({ minVersion: 'TLSv1.2', ...keyExchange, ...ca });
    secureContexts.set(extraCa, context);
  }
  return context;
}
