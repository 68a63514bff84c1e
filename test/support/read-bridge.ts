import { loginOf } from '../../src/accounts/account-login.ts';
import type { LoginResult } from '../../src/accounts/directory.ts';
import type { PasswordProof } from '../../src/accounts/password-proof.ts';
import { type CertificateAndKey, issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { type Log, silentLog } from '../../src/base/log.ts';
import { KeyedSemaphore } from '../../src/base/semaphore.ts';
import type { OpenUpstream } from '../../src/exchange/reading/connect.ts';
import { openImapUpstream } from '../../src/exchange/reading/imap.ts';
import { openPop3Upstream } from '../../src/exchange/reading/pop3.ts';
import type { Maildrops } from '../../src/mailbox/mail-store.ts';
import { authenticateReader } from '../../src/reading/authenticate.ts';
import { listenImap } from '../../src/reading/imap.ts';
import type { ReadLimits, ReadSessionOptions } from '../../src/reading/login.ts';
import { MaildropLocks } from '../../src/reading/maildrop-locks.ts';
import { type Reader, TranslatedMaildrops } from '../../src/reading/maildrops.ts';
import { listenPop3 } from '../../src/reading/pop3.ts';
import { listenExchangeImap } from '../../src/simulator/exchange/imap.ts';
import type { StagedFaults } from '../../src/simulator/exchange/imap-pop3-front-end.ts';
import { listenExchangePop3 } from '../../src/simulator/exchange/pop3.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';
import { noteSecret } from './secret-search/record.ts';

export const alice = 'alice@contoso.example';

/** The password of every account: quotes, a backslash, a space and non-ASCII characters. */
export const password = 'pä"ss\\w ord';

export interface ReadBridgeOptions {
  readonly security?: 'none' | 'starttls' | 'tls';
  readonly port?: number;
  readonly limits?: Partial<ReadLimits>;
  readonly read?: 'imap' | 'pop3' | 'graph' | 'none';
  /** Replaces the connection to the simulated Exchange. */
  readonly openUpstream?: (signal: AbortSignal) => Promise<OpenUpstream>;
  /** Replaces the translation of POP3 to IMAP. */
  readonly openMaildrops?: (mailbox: string, reader: Reader) => Promise<Maildrops>;
  readonly allowInsecureAuth?: boolean;
  readonly maxConnectionsPerAccount?: number;
  readonly log?: Log;
}

/** Maildrops with their own locks. */
export function translatedMaildrops(): TranslatedMaildrops {
  const locks = new MaildropLocks();
  return new TranslatedMaildrops((mailbox, holder) => locks.lock(mailbox, holder));
}

/** The simulated Exchange's IMAP and POP3 servers, with the bridge's listeners in front of them. */
export class ReadBridge {
  readonly directory = new MailboxDirectory([alice]);
  readonly ca: string;
  readonly tls: CertificateAndKey;
  /** Tokens that Exchange accepts. */
  readonly tokens = new Set(['good']);
  permitted = true;
  /** Seconds until a token used now expires; undefined for never. */
  tokenSeconds: number | undefined;
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #maildrops = translatedMaildrops();
  readonly #cutters: (() => void)[] = [];
  #ports: { imap: number; pop3: number } | undefined;

  private constructor(ca: string, tls: CertificateAndKey) {
    this.ca = ca;
    this.tls = tls;
  }

  static async start(options: { readonly faults?: StagedFaults } = {}): Promise<ReadBridge> {
    const authority = await makeAuthority('Test', 10);
    const tls = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 10);
    const bridge = new ReadBridge(authority.cert, tls);
    const settings = {
      host: '127.0.0.1',
      port: 0,
      tls,
      directory: bridge.directory,
      verifyToken: (token: string) => (bridge.tokens.has(token) ? bridge.#claims() : undefined),
      ...options,
      permitted: () => bridge.permitted,
      connectionsPerMailbox: 5_000,
      log: silentLog,
    };
    const imap = await listenExchangeImap(settings);
    const pop3 = await listenExchangePop3(settings);
    bridge.#cutters.push(imap.cut, pop3.cut);
    bridge.#closers.push(
      () => imap.close(),
      () => pop3.close(),
    );
    bridge.#ports = { imap: imap.port, pop3: pop3.port };
    return bridge;
  }

  /** The port of the simulated Exchange. */
  port(protocol: 'imap' | 'pop3'): number {
    return this.#ports?.[protocol] ?? 0;
  }

  /** The simulated Exchange's IMAP endpoint. */
  get imap() {
    return { host: 'localhost', port: this.port('imap'), security: 'tls' as const };
  }

  readonly #translated = (mailbox: string, reader: Reader): Promise<Maildrops> => {
    const upstream = { endpoints: { imap: this.imap }, ca: this.ca, getToken: async () => 'good' };
    return this.#maildrops.open(upstream, mailbox, reader);
  };

  #claims() {
    return this.tokenSeconds === undefined ? {} : { exp: Date.now() / 1000 + this.tokenSeconds };
  }

  async listen(protocol: 'imap' | 'pop3', options: ReadBridgeOptions = {}) {
    const { security = 'starttls', read = protocol } = options;
    const open = protocol === 'imap' ? openImapUpstream : openPop3Upstream;
    const permits = new KeyedSemaphore(options.maxConnectionsPerAccount ?? 5_000);
    const directory = {
      authenticate: async (username: string, given: string | PasswordProof) => login(username, given, read),
    };
    const settings: ReadSessionOptions = {
      host: '127.0.0.1',
      port: options.port ?? 0,
      security,
      ...(security !== 'none' && { tls: this.tls }),
      name: 'bridge.example',
      allowInsecureAuth: options.allowInsecureAuth ?? false,
      openStore: async () => Promise.reject(new Error('no account of this test reads by Graph')),
      permit: async (key) => permits.tryAcquire(key),
      limits: {
        maxConnections: 5_000,
        maxConnectionsPerAddress: 5_000,
        loginTimeoutMs: 20_000,
        idleTimeoutMs: 20_000,
        ...options.limits,
      },
      log: options.log ?? silentLog,
      authenticate: (credentials, address) => authenticateReader(directory, credentials, address, 'imap'),
      openMaildrops: ({ mailbox }, reader) => (options.openMaildrops ?? this.#translated)(mailbox, reader),
      openUpstream: (account, signal) =>
        options.openUpstream?.(signal) ??
        open({
          host: 'localhost',
          port: this.#ports?.[protocol] ?? 0,
          security: 'tls',
          ca: this.ca,
          mailbox: account.mailbox,
          getToken: async () => 'good',
          connectTimeoutMs: 10_000,
          signal,
        }),
    };
    const listener = await (protocol === 'imap' ? listenImap(settings) : listenPop3(settings));
    this.#closers.push(() => listener.close(0));
    return listener;
  }

  /** Breaks every connection to the simulated Exchange. */
  cutExchange(): void {
    for (const cut of this.#cutters) cut();
  }

  /** Cuts every connection of the simulated Exchange and stops it. */
  async stopExchange(): Promise<void> {
    for (const close of this.#closers.splice(0, 2)) await close();
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

function login(username: string, given: string | PasswordProof, read: 'imap' | 'pop3' | 'graph' | 'none'): LoginResult {
  if (typeof given === 'string') noteSecret('password at a login', given);
  if (username === 'blocked') return { failure: 'blocked', retryAfterMs: 2_500, scope: 'address' };
  if (username === 'busy') return { failure: 'busy' };
  if (username !== 'scanner' || (typeof given === 'string' ? given !== password : !given.provenBy(password)))
    return { failure: 'wrong' };
  return {
    login: loginOf({
      username,
      mailbox: alice,
      mailboxes: [alice],
      mailboxFrom: 'fixed',
      connection: 'contoso',
      networks: [],
      delivery: 'queued',
      senders: [],
      ...(read !== 'none' && { read }),
    }),
  };
}
