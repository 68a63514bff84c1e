import { BridgeError } from '../base/errors.ts';
import type { ExchangeEndpoint } from '../exchange/endpoint.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import { openImapUpstream } from '../exchange/reading/imap.ts';
import { openPop3Upstream } from '../exchange/reading/pop3.ts';

/** The part of a connection that reading needs. */
export interface ReadingUpstream {
  readonly endpoints: Readonly<Record<'imap' | 'pop3', ExchangeEndpoint>>;
  /** PEM certificates trusted in addition to the system's. */
  readonly ca: string | undefined;
  /** @param refused a token that Exchange Online did not accept */
  getToken(resource: 'exchange', refused?: string): Promise<string>;
}

const connectTimeoutMs = 20_000;

/** Opens an upstream connection logged in to a mailbox, to join a client to. @throws BridgeError */
export function openMailbox(
  upstream: ReadingUpstream,
  protocol: 'imap' | 'pop3',
  mailbox: string,
  signal: AbortSignal,
): Promise<OpenUpstream> {
  const open = protocol === 'imap' ? openImapUpstream : openPop3Upstream;
  const { endpoints, ca } = upstream;
  return open({
    ...endpoints[protocol],
    ...(ca === undefined ? {} : { ca }),
    mailbox,
    getToken: ({ refused } = {}) => upstream.getToken('exchange', refused),
    connectTimeoutMs,
    signal,
  });
}

/** The error of a login overtaken by a reload. */
export function connectionGone(connection: string): BridgeError {
  return new BridgeError('connection-gone', `Connection ${connection} no longer exists.`);
}
