import type { ImapFlow } from 'imapflow';
import { assertProtected, type ExchangeEndpoint, secureContextOf } from './endpoint.ts';

/** A mailbox to log in to over IMAP, and how long anything may take. */
export interface ImapLogin {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted besides those of the system. */
  readonly extraCa?: string | undefined;
  /** User principal name. */
  readonly mailbox: string;
  readonly accessToken: string;
  readonly connectTimeoutMs: number;
  /** Silence of either side after which the connection is given up. */
  readonly silenceTimeoutMs: number;
}

/**
 * Logs in to a mailbox with XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"), for
 * commands of our own.
 * @throws BridgeError `config-invalid` for an unprotected endpoint beyond this machine; what imapflow throws
 */
export async function loginByImap(login: ImapLogin): Promise<ImapFlow> {
  const { endpoint, extraCa, mailbox, accessToken } = login;
  assertProtected(endpoint);
  // Loaded by those who need it: the library is large.
  const { ImapFlow } = await import('imapflow');
  const client = new ImapFlow({
    host: endpoint.host,
    port: endpoint.port,
    secure: endpoint.security === 'tls',
    doSTARTTLS: endpoint.security === 'starttls',
    tls: { secureContext: secureContextOf(extraCa) },
    auth: { user: mailbox, accessToken },
    connectionTimeout: login.connectTimeoutMs,
    socketTimeout: login.silenceTimeoutMs,
    disableAutoIdle: true,
    disableCompression: true,
    logger: false,
  });
  // The commands under way fail by themselves; without a listener the error would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    // Not every refusal closes the connection by itself.
    client.close();
    throw error;
  }
}
