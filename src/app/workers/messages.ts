import type { LogOptions } from '../../base/log.ts';
import type { TlsMaterial } from '../../listeners/handshakes.ts';
import type { ReadLogin } from '../../reading/authenticate.ts';
import type { ReadListenerSettings } from '../../reading/host.ts';
import type { ReadingUpstream } from '../../reading/upstream.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';

/** Where the mailboxes of each connection are opened. */
export type ConnectionPlaces = Readonly<Record<string, Pick<ReadingUpstream, 'endpoints' | 'ca'>>>;

/** What a worker is told first. */
export interface WorkerStart {
  /** In the order of the configuration; their clients are named by their place here. */
  readonly listeners: readonly ReadListenerSettings[];
  readonly connections: ConnectionPlaces;
  readonly logLevel: LogOptions['level'];
}

/** What the main process tells a worker. A `client` comes with its socket. */
export type ToldWorker =
  | ({ readonly kind: 'start' } & WorkerStart)
  | {
      readonly kind: 'client';
      readonly client: number;
      readonly listener: number;
      readonly remoteAddress: string;
      /** What was read of it already. */
      readonly ahead: Buffer;
    }
  /** One more listener, behind the last. */
  | { readonly kind: 'listener'; readonly settings: ReadListenerSettings }
  | { readonly kind: 'tls'; readonly listener: number; readonly tls: TlsMaterial }
  | { readonly kind: 'connections'; readonly connections: ConnectionPlaces }
  | { readonly kind: 'close'; readonly listener: number; readonly graceMs: number };

/** What a worker tells the main process. */
export type ToldMain =
  | { readonly kind: 'ready' }
  /** The connection of a client has ended. */
  | { readonly kind: 'ended'; readonly client: number }
  /** What crossed the connections of clients. */
  | { readonly kind: 'traffic'; readonly protocol: 'imap' | 'pop3'; readonly received: number; readonly sent: number }
  /** Gives back what a question was answered with. */
  | { readonly kind: 'release'; readonly held: number }
  /** A line of the log, as JSON. */
  | { readonly kind: 'log'; readonly line: string };

/** What a worker asks the main process: see `ReadingHost`. What it is to give back is named by a number. */
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

/** What the main process asks a worker. */
export interface AskedOfWorker {
  /** See `MaildropHolder`; by the number that `lockMaildrop` named it by. */
  giveWay(holder: { readonly holder: number }): Promise<boolean>;
  usage(nothing: Record<never, never>): Promise<WorkerUsage>;
}

/** What a worker takes. */
export interface WorkerUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}
