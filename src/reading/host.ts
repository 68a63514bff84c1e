import type { Log } from '../base/log.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import type { MailStore } from '../mailbox/mail-store.ts';
import type { SaslCredentials } from '../sasl/server-exchange.ts';
import type { ReadAccount, ReadLogin } from './authenticate.ts';
import type { ReadSessionOptions, StoreReader } from './login.ts';
import type { LockMaildrop } from './maildrop-locks.ts';
import type { TranslatedMaildrops } from './maildrops.ts';
import type { ReadingUpstream } from './upstream.ts';

/** A connection that opens mailboxes. */
export interface MailboxUpstream extends ReadingUpstream {
  /** See {@link openMailbox}. */
  openMailbox(protocol: 'imap' | 'pop3', mailbox: string, signal: AbortSignal): Promise<OpenUpstream>;
}

/** What reading sessions need from the owner of accounts, limits and tokens. */
export interface ReadingHost extends Pick<ReadSessionOptions, 'permit'> {
  /** Never rejects for the client's mistakes. */
  authenticate(credentials: SaslCredentials, remoteAddress: string, protocol: 'imap' | 'pop3'): Promise<ReadLogin>;
  readonly lockMaildrop: LockMaildrop;
  /** Opens a mailbox through Graph. @throws BridgeError */
  openGraphStore(account: Pick<ReadAccount, 'connection' | 'mailbox'>, reader: StoreReader): Promise<MailStore>;
  /** @throws BridgeError `connection-gone` */
  upstream(connection: string): MailboxUpstream;
}

/** A listener for reading clients; plain data, so that it can be sent to another process. */
export type ReadListenerSettings = Pick<
  ReadSessionOptions,
  'host' | 'port' | 'security' | 'tls' | 'proxyProtocol' | 'limits' | 'name' | 'allowInsecureAuth' | 'cramMd5'
> & { readonly protocol: 'imap' | 'pop3' };

/** Options for the sessions of a listener, backed by their host. */
export function sessionOptions(
  { protocol, ...settings }: ReadListenerSettings,
  host: ReadingHost,
  maildrops: TranslatedMaildrops,
  log: Log,
): ReadSessionOptions {
  return {
    ...settings,
    log,
    authenticate: (credentials, remoteAddress) => host.authenticate(credentials, remoteAddress, protocol),
    permit: (key) => host.permit(key),
    openUpstream: async ({ connection, mailbox }, signal) =>
      await host.upstream(connection).openMailbox(protocol, mailbox, signal),
    openStore: async (account, reader) => await host.openGraphStore(account, reader),
    openMaildrops: async (account, presence) =>
      account.read === 'graph'
        ? await maildrops.locked(account.mailbox, presence, () => host.openGraphStore(account, presence))
        : await maildrops.open(host.upstream(account.connection), account.mailbox, presence),
  };
}
