import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type TLSSocket } from 'node:tls';
import type { Log } from '../../base/log.ts';
import type { MailStore } from '../../mailbox/mail-store.ts';
import { encodeXoauth2Failure } from '../../sasl/xoauth2.ts';
import type { Fault, FaultStage } from '../faults.ts';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';

/** The token claims that the front end itself reads. */
export interface MailTokenClaims {
  readonly roles?: readonly string[];
  /** Seconds since 1970: when sessions opened with the token end. */
  readonly exp?: number;
}

/** Settings common to the simulated Exchange's two reading protocols. */
export interface ExchangeReadSettings<Claims extends MailTokenClaims> {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly directory: MailboxDirectory;
  /** The token's claims, or undefined if Exchange would not accept it: AUTHENTICATE fails. */
  verifyToken(token: string): Promise<Claims | undefined> | Claims | undefined;
  /** Whether the token opens the mailbox over this protocol. */
  permitted(claims: Claims, mailbox: string, protocol: 'imap' | 'pop3'): boolean;
  readonly faults?: StagedFaults;
  /** Concurrent sessions per mailbox and protocol; commonly quoted as 20. */
  readonly connectionsPerMailbox?: number;
  readonly log: Log;
}

/** The staged failures. */
export interface StagedFaults {
  take(target: 'imap' | 'pop3', mailbox?: string, at?: FaultStage, defaultStage?: FaultStage): Fault | undefined;
}

/** A listening endpoint. */
export interface ExchangeReadServer {
  readonly port: number;
  /** Cuts every connection and keeps listening. */
  cut(): void;
  /** Stops immediately; connections are cut. */
  close(): Promise<void>;
}

/** What a front end session uses. */
export interface SessionParts<Claims extends MailTokenClaims> {
  readonly door: MailboxDoor<Claims>;
  readonly socket: TLSSocket;
  /** Ends the session; the reason is reported to the client. */
  readonly ending: AbortController;
  readonly faults: StagedFaults | undefined;
}

/**
 * Listens as one of Exchange Online's reading endpoints; staged faults apply at connect.
 * @param refusal the line that rejects a client
 * @param serve serves one session to its end
 */
export function listenFrontEnd<Claims extends MailTokenClaims>(
  settings: ExchangeReadSettings<Claims>,
  protocol: 'imap' | 'pop3',
  refusal: (text: string) => string,
  serve: (parts: SessionParts<Claims>) => Promise<void>,
): Promise<ExchangeReadServer> {
  const door = new MailboxDoor(settings, protocol);
  const { faults } = settings;
  return listenTls(settings, async (socket) => {
    socket.on('error', () => {});
    const fault = faults?.take(protocol, undefined, 'connect', 'auth');
    try {
      await underFault(
        fault,
        socket,
        (text) => new Error(text),
        async () => {},
      );
    } catch (error) {
      socket.end(`${refusal((error as Error).message)}\r\n`);
      return;
    }
    await serve({ door, socket, ending: new AbortController(), faults });
  });
}

/** Exchange uses Windows TLS, whose usual key exchanges are these. */
const windowsTls = { minVersion: 'TLSv1.2', ecdhCurve: 'X25519:P-256:P-384' } as const;

/** Listens with TLS from the first octet, as ports 993 and 995 do. */
async function listenTls(
  settings: Pick<ExchangeReadSettings<MailTokenClaims>, 'host' | 'port' | 'tls'>,
  serve: (socket: TLSSocket) => Promise<void>,
): Promise<ExchangeReadServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ ...settings.tls, ...windowsTls, allowHalfOpen: true }, (socket) => {
    socket.setNoDelay(true);
    void serve(socket);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(settings.port, settings.host, resolve);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

/** Why a login did not open a mailbox: the token is invalid, or it is valid but opens nothing here. */
export type FrontEndRefusal = 'refused' | 'not-connected';

/** The mailboxes open over one protocol, and who may open another. */
export class MailboxDoor<Claims extends MailTokenClaims> {
  readonly #settings: ExchangeReadSettings<Claims>;
  readonly #protocol: 'imap' | 'pop3';
  readonly #open = new Map<string, number>();

  constructor(settings: ExchangeReadSettings<Claims>, protocol: 'imap' | 'pop3') {
    this.#settings = settings;
    this.#protocol = protocol;
  }

  /** @returns the mailbox and when its token expires, in milliseconds since 1970 */
  async enter(mailbox: string, token: string): Promise<{ store: MailStore; expiresAt: number } | FrontEndRefusal> {
    const { directory, connectionsPerMailbox = 20 } = this.#settings;
    const claims = await this.#settings.verifyToken(token);
    if (claims === undefined) return 'refused';
    if (!directory.has(mailbox) || !this.#settings.permitted(claims, mailbox, this.#protocol)) return 'not-connected';
    const key = mailbox.toLowerCase();
    const open = this.#open.get(key) ?? 0;
    if (open >= connectionsPerMailbox) return 'not-connected';
    this.#open.set(key, open + 1);
    const store = closing(directory.openStore(mailbox), () => this.#open.set(key, (this.#open.get(key) ?? 1) - 1));
    return { store, expiresAt: (claims.exp ?? Number.POSITIVE_INFINITY) * 1000 };
  }
}

/** The challenge that says why a token is refused. */
export const refusalChallenge = encodeXoauth2Failure({
  status: '400',
  schemes: 'Bearer',
  scope: 'https://outlook.office365.com/.default',
});

/** Exchange's greetings end with the server name, in base64 of UTF-16. */
export function encodedServerName(name: string): string {
  return Buffer.from(name, 'utf16le').toString('base64');
}

/** Calls `callback` when a token expires; the returned function cancels. Timers reach at most one day ahead. */
export function atExpiry(expiresAt: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(Math.max(0, expiresAt - Date.now()), 86_400_000)).unref();
  return () => clearTimeout(timer);
}

/**
 * Runs one step under a staged fault.
 * @param reply makes the error that carries the fault's text to the client
 */
export async function underFault<T>(
  fault: Fault | undefined,
  socket: TLSSocket,
  reply: (text: string) => Error,
  step: () => Promise<T>,
): Promise<T> {
  if (fault === undefined) return step();
  if (fault.delayMs !== undefined) await sleep(fault.delayMs);
  if (fault.kind === 'status' || fault.kind === 'reply') throw reply(fault.text ?? 'Server Unavailable. 15');
  if (fault.kind === 'cut-before') socket.destroy();
  const result = await step();
  if (fault.kind === 'cut-after') socket.destroy();
  return result;
}

/** A store that calls `closed` once when it is closed. */
function closing(store: MailStore, closed: () => void): MailStore {
  let open = true;
  return withMethods(store, {
    close: async () => {
      if (open) closed();
      open = false;
      await store.close();
    },
  });
}

/** A store with some methods replaced. */
export function withMethods(store: MailStore, methods: Partial<MailStore>): MailStore {
  return new Proxy(store, {
    get(target, property) {
      const own = methods[property as keyof MailStore];
      const value: unknown = own ?? Reflect.get(target, property, target);
      return typeof value === 'function' && own === undefined ? value.bind(target) : value;
    },
  });
}
