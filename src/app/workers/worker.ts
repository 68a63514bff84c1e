import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Log, writeRelayed } from '../../base/log.ts';
import { program } from '../../base/program/place.ts';
import type { ReadingHost } from '../../reading/host.ts';
import { Channel } from './channel.ts';
import type { AskedOfMain, AskedOfWorker, ToldMain, ToldWorker, WorkerStart, WorkerUsage } from './messages.ts';

/** Variables read by Node.js, OpenSSL and the C library. The rest may contain secrets, and a worker needs none. */
const neededVariables = /^(?:NODE_|SSL_|OPENSSL_|MALLOC_|LC_|LANG$|TZ$|PATH$|TMPDIR$|TEMP$|SystemRoot$)/i;

export interface WorkerOptions {
  readonly start: WorkerStart;
  readonly host: ReadingHost;
  readonly log: Log;
  /** Called with the octets over the connections of clients. */
  onTraffic?(protocol: 'imap' | 'pop3', received: number, sent: number): void;
  /** Called once, when the process is gone and everything it held has been released. */
  ended(why: string, cut: number): void;
}

/** One worker process, as seen by the main process. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #process: ChildProcess;
  readonly #channel: Channel<AskedOfWorker, AskedOfMain, ToldWorker, ToldMain>;
  readonly #ready = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  /** For each client, the action when its connection has ended. */
  readonly #clients = new Map<number, () => void>();
  /** Clients whose sockets are still here. */
  readonly #onTheWay = new Map<number, Socket>();
  /** Permits and locks of its sessions, each with its release function. */
  readonly #held = new Map<number, () => void>();
  /** The call under way: a frozen worker is not asked again and again. */
  #usage: Promise<WorkerUsage> | undefined;
  #lastId = 0;
  #isReady = false;
  #isGone = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const env = Object.entries(process.env).filter(
      ([name]) => neededVariables.test(name) && name !== 'NODE_CHANNEL_FD',
    );
    const { module, args, execArgv } = program.process(
      'reading-worker',
      new URL('./worker-process.ts', import.meta.url),
    );
    this.#process = fork(module, args, {
      env: Object.fromEntries(env),
      ...(execArgv && { execArgv }),
      // Structured clones, because the messages contain octets.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#channel = new Channel(this.#process, { answers: this.#answers(), told: (news) => this.#told(news) });
    this.#process.once('exit', (code, signal) => this.#end(signal === null ? `exit code ${code}` : signal));
    this.#process.on('error', (error) => {
      // A process that never started does not exit.
      if (this.#process.pid === undefined) this.#end(error.message);
    });
    this.#channel.tell({ kind: 'start', ...options.start });
  }

  /** Resolves once it accepts clients, or has ended. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get takesClients(): boolean {
    return this.#isReady && !this.#isGone && this.#process.connected;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Serves a client of a listener. */
  take(listener: number, socket: Socket, remoteAddress: string, ended: () => void): void {
    const client = ++this.#lastId;
    this.#clients.set(client, ended);
    this.#onTheWay.set(client, socket);
    const ahead = takeUnread(socket);
    this.#channel.hand({ kind: 'client', client, listener, remoteAddress, ahead }, socket, (done) => {
      this.#onTheWay.delete(client);
      if (done) return;
      socket.destroy();
      this.#clientEnded(client);
    });
  }

  tell(news: ToldWorker): void {
    this.#channel.tell(news);
  }

  /** Undefined if it does not answer in time. Rejects if the worker ends meanwhile. */
  usage(): Promise<WorkerUsage | undefined> {
    this.#usage ??= this.#channel.ask('usage', {}).finally(() => {
      this.#usage = undefined;
    });
    return inTime(this.#usage, usageMs, undefined);
  }

  /** Ends the process; resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), killAfterMs);
    await this.#gone.promise;
    clearTimeout(timer);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #answers(): AskedOfMain {
    const { host } = this.#options;
    return {
      authenticate: ({ credentials, remoteAddress, protocol }) =>
        host.authenticate(credentials, remoteAddress, protocol),
      permit: async ({ key }) => {
        const release = await host.permit(key);
        return release && this.#hold(release);
      },
      lockMaildrop: async ({ mailbox, holder }) => {
        // If it has ended, there is nothing left to wait for.
        const asked = () => this.#channel.ask('giveWay', { holder }).catch(() => true);
        const giveWay = () => inTime(asked(), giveWayMs, false);
        return this.#hold(await host.lockMaildrop(mailbox, { giveWay }));
      },
      token: async ({ connection, refused }) => await host.upstream(connection).getToken('exchange', refused),
    };
  }

  /** @returns the number by which the worker releases it */
  #hold(release: () => void): number {
    const held = ++this.#lastId;
    // The worker may have ended in the meantime.
    if (this.#isGone) release();
    else this.#held.set(held, release);
    return held;
  }

  #told(news: ToldMain): void {
    if (news.kind === 'log') writeRelayed(this.#options.log, news.line);
    else if (news.kind === 'ended') this.#clientEnded(news.client);
    else if (news.kind === 'traffic') this.#options.onTraffic?.(news.protocol, news.received, news.sent);
    else if (news.kind === 'release') this.#releaseHeld(news.held);
    else {
      this.#isReady = true;
      this.#ready.resolve();
    }
  }

  #releaseHeld(held: number): void {
    this.#held.get(held)?.();
    this.#held.delete(held);
  }

  #clientEnded(client: number): void {
    const ended = this.#clients.get(client);
    this.#clients.delete(client);
    ended?.();
  }

  #end(why: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const cut = this.#clients.size;
    for (const socket of this.#onTheWay.values()) socket.destroy();
    this.#onTheWay.clear();
    for (const client of [...this.#clients.keys()]) this.#clientEnded(client);
    for (const held of [...this.#held.keys()]) this.#releaseHeld(held);
    this.#channel.ended();
    this.#ready.resolve();
    this.#gone.resolve();
    this.#options.ended(why, cut);
  }
}

/** How long a process that has been told to end may take. */
const killAfterMs = 2_000;

/** A worker answers within a millisecond, unless it was stopped or gets no processor time. */
const usageMs = 1_000;
const giveWayMs = 5_000;

/** The result of a promise, or `late` if that takes longer. */
function inTime<T, Late>(promise: Promise<T>, ms: number, late: Late): Promise<T | Late> {
  return Promise.race([promise, delay(ms, late, { ref: false })]);
}

/**
 * Takes what was read from a socket and is still buffered, which does not go with its handle. Nothing more is read from
 * it here: what comes next belongs to the other process.
 */
function takeUnread(socket: Socket): Buffer {
  const unread = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null;
  // The read above has started reading again. There is no other way to stop that before the handle is handed over.
  (socket as unknown as { readonly _handle?: { readStop?(): void } })._handle?.readStop?.();
  return unread ?? Buffer.alloc(0);
}
