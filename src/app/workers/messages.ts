import type { LogOptions } from '../../base/log.ts';
import type { TlsMaterial } from '../../listeners/handshakes.ts';
import type { ReadLogin } from '../../reading/authenticate.ts';
import type { ReadListenerSettings } from '../../reading/host.ts';
import type { ReadingUpstream } from '../../reading/upstream.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';

/** Where the mailboxes of each connection are opened. */
export type ConnectionPlaces = Readonly<Record<string, Pick<ReadingUpstream, 'endpoints' | 'ca'>>>;

/** The first message to a worker. */
export interface WorkerStart {
  /** In configuration order; clients refer to them by index. */
  readonly listeners: readonly ReadListenerSettings[];
  readonly connections: ConnectionPlaces;
  readonly logLevel: LogOptions['level'];
}

/** Messages from the main process to a worker. A `client` comes with its socket. */
export type ToldWorker =
  | ({ readonly kind: 'start' } & WorkerStart)
  | {
      readonly kind: 'client';
      readonly client: number;
      readonly listener: number;
      readonly remoteAddress: string;
      /** What was already read from it. */
      readonly ahead: Buffer;
    }
  /** One more listener, appended to the list. */
  | { readonly kind: 'listener'; readonly settings: ReadListenerSettings }
  | { readonly kind: 'tls'; readonly listener: number; readonly tls: TlsMaterial }
  | { readonly kind: 'connections'; readonly connections: ConnectionPlaces }
  | { readonly kind: 'close'; readonly listener: number; readonly graceMs: number };

/** Messages from a worker to the main process. */
export type ToldMain =
  | { readonly kind: 'ready' }
  /** The connection of a client has ended. */
  | { readonly kind: 'ended'; readonly client: number }
  /** Octets over the connections of clients. */
  | { readonly kind: 'traffic'; readonly protocol: 'imap' | 'pop3'; readonly received: number; readonly sent: number }
  /** Releases what a call returned. */
  | { readonly kind: 'release'; readonly held: number }
  /** A line of the log, as JSON. */
  | { readonly kind: 'log'; readonly line: string };

/** Calls from a worker to the main process: see `ReadingHost`. What has to be released is identified by a number. */
export interface AskedOfMain {
  authenticate(login: {
    readonly credentials: SaslCredentials;
    readonly remoteAddress: string;
    readonly protocol: 'imap' | 'pop3';
  }): Promise<ReadLogin>;
  permit(permit: { readonly key: string }): Promise<number | undefined>;
  lockMaildrop(lock: { readonly mailbox: string; readonly holder: number }): Promise<number>;
  token(token: { readonly connection: string; readonly refused: string | undefined }): Promise<string>;
}

/** Calls from the main process to a worker. */
export interface AskedOfWorker {
  /** See `MaildropHolder`; identified by the number given to `lockMaildrop`. */
  giveWay(holder: { readonly holder: number }): Promise<boolean>;
  usage(nothing: Record<never, never>): Promise<WorkerUsage>;
}

/** The resources a worker uses. */
export interface WorkerUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}
