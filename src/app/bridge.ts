import { hostname as machineName } from 'node:os';
import type { AdminFacts } from '../admin/admin-server.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { inBackground } from '../base/in-background.ts';
import type { Log } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { KeyedSemaphore } from '../base/semaphore.ts';
import type { Config } from '../config/schema.ts';
import { smtpPermitsOf } from '../couriers/connection-couriers.ts';
import type { Queue } from '../queue/queue.ts';
import { TranslatedMaildrops } from '../reading/maildrops.ts';
import { createDirectory, createLoginMemory } from './accounts.ts';
import { adminFacts } from './admin-facts.ts';
import { openBridgeQueue, openDuplicateFilter } from './bridge-queue.ts';
import type { BridgeState, OpenListener } from './bridge-state.ts';
import { Upstream } from './connections/upstream.ts';
import { closeUpstreams, openUpstreams } from './connections/upstreams.ts';
import { takeDataFolder } from './data-folder.ts';
import { ListenerCertificates } from './listener-certificates.ts';
import { type ListenerParts, openListener } from './listeners.ts';
import { portFailure } from './port-failure.ts';
import { watchSignIns } from './sign-in-watch.ts';
import { proveConnections, startUpkeep } from './upkeep.ts';

/** A running bridge. */
export interface Bridge {
  readonly listeners: readonly OpenListener[];
  /** Where the certificate authority made here is, if the listeners use one. */
  readonly authorityFile: string | undefined;
  /**
   * Takes up another configuration and tries again what waits in the queue; open connections go on, listeners stay as
   * they are. Reloads are done one after the other; none begins once the bridge stops.
   */
  reload(config: Config): Promise<void>;
  /** Stops accepting, lets what is in flight finish for up to `shutdown.graceSeconds`, and closes the queue. */
  stop(): Promise<void>;
}

export interface BridgeOptions {
  readonly log: Log;
  readonly clock?: Clock;
}

/** Undoes, in reverse order, what was done so far. */
class Undo {
  readonly #steps: (() => unknown)[] = [];

  push(step: () => unknown): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.toReversed()) await step();
  }
}

/**
 * Starts a bridge: takes the data folder, opens the queue, prepares the connections, opens the listeners, resumes
 * delivery. What was opened is closed again when something fails.
 * @throws BridgeError for whatever an administrator can fix: a port in use, an unreadable certificate …
 */
export async function startBridge(config: Config, options: BridgeOptions): Promise<Bridge> {
  const undo = new Undo();
  try {
    return await start(config, options, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function start(config: Config, { log, clock = systemClock }: BridgeOptions, undo: Undo): Promise<Bridge> {
  const hostname = config.hostname ?? machineName();
  const folder = takeDataFolder(config.dataDir, (each) =>
    log.warn({ folder: each }, `${each} was writable by other users of this machine: permissions corrected`),
  );
  undo.push(() => folder.release());
  const { openState, state, replace } = await firstState(config, clock, log);
  undo.push(() => closeUpstreams(state().upstreams, log));
  const certificates = await ListenerCertificates.open(config, hostname, clock.now());
  const { store, queue } = openBridgeQueue({ config, hostname, clock, log, state });
  undo.push(() => queue.stop(0));
  const duplicates = openDuplicateFilter(config, store, clock);
  const listeners = await openListeners({ config, certificates, hostname, queue, clock, log, duplicates, state }, undo);
  const closeAdmin = await openAdmin(
    config,
    adminFacts(store, queue, () => state().upstreams.values()),
    log,
    undo,
  );
  const renewCertificates = async (next: Config) =>
    useCertificates(await ListenerCertificates.open(next, hostname, clock.now()), next, config, listeners);
  const upkeep = startUpkeep({ clock, log, state, renewCertificates });
  undo.push(upkeep);
  queue.start();
  const connections = () => state().upstreams.values();
  const endWatch = watchSignIns({ connections, onSignIn: () => queue.retryNow(), clock, log });
  undo.push(endWatch);
  return new RunningBridge({
    listeners,
    authorityFile: certificates.authorityFile,
    queue,
    log,
    config,
    openState,
    state,
    replace,
    renewCertificates,
    endWork: () => {
      upkeep();
      endWatch();
    },
    async close() {
      await closeAdmin();
      folder.release();
    },
  });
}

/** The state that the configuration asks for, in force until a reload replaces it. */
async function firstState(config: Config, clock: Clock, log: Log) {
  const memory = createLoginMemory(config, clock);
  const smtpPermits = smtpPermitsOf(config.limits.concurrentPerMailbox);
  const openState = async (wanted: Config): Promise<BridgeState> => ({
    config: wanted,
    directory: createDirectory(wanted, memory, clock),
    upstreams: await openUpstreams(wanted, (name) => Upstream.open(name, wanted, clock, log, smtpPermits)),
  });
  let current = await openState(config);
  return {
    openState,
    state: () => current,
    replace(next: BridgeState): BridgeState {
      const before = current;
      current = next;
      return before;
    },
  };
}

/** What {@link RunningBridge} reloads and stops. */
interface RunningParts {
  readonly listeners: readonly OpenListener[];
  readonly authorityFile: string | undefined;
  readonly queue: Queue;
  readonly log: Log;
  /** That of the start. */
  readonly config: Config;
  openState(config: Config): Promise<BridgeState>;
  state(): BridgeState;
  /** @returns the state before */
  replace(next: BridgeState): BridgeState;
  renewCertificates(config: Config): Promise<void>;
  /** Ends what goes on by itself. */
  endWork(): void;
  close(): Promise<void>;
}

class RunningBridge implements Bridge {
  readonly listeners: readonly OpenListener[];
  readonly authorityFile: string | undefined;
  readonly #parts: RunningParts;
  readonly #reloads = new OneAtATime();
  /** Connections of earlier configurations, which close when their last delivery has ended. */
  readonly #closing = new Set<Promise<void>>();
  #isStopping = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.listeners = parts.listeners;
    this.authorityFile = parts.authorityFile;
    this.#prove();
  }

  reload(next: Config): Promise<void> {
    return this.#reloads.run(async () => {
      if (!this.#isStopping) await this.#reload(next);
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #reload(next: Config): Promise<void> {
    const { log, queue, config, state } = this.#parts;
    const opened = await this.#parts.openState(next);
    await this.#parts.renewCertificates(next).catch(async (error: unknown) => {
      await closeUpstreams(opened.upstreams, log);
      throw error;
    });
    // With those of the new ones they would be more than Microsoft allows a mailbox.
    await Promise.all([...state().upstreams.values()].map((upstream) => upstream.leaveIdle()));
    const before = this.#parts.replace(opened);
    for (const key of fixedAtStart) {
      if (JSON.stringify(next[key]) !== JSON.stringify(config[key]))
        log.warn({ key }, `${key} has changed: restart to apply it`);
    }
    this.#closeLater(before);
    this.#prove();
    await queue.retryNow();
  }

  async #stop(): Promise<void> {
    const { listeners, queue, state } = this.#parts;
    this.#isStopping = true;
    this.#parts.endWork();
    await this.#reloads.run(async () => {});
    const graceMs = state().config.shutdown.graceSeconds * 1000;
    await Promise.all(listeners.map((listener) => listener.close(graceMs)));
    await queue.stop(graceMs);
    this.#closeLater(state());
    await Promise.all(this.#closing);
    await this.#parts.close();
  }

  #closeLater({ upstreams }: BridgeState): void {
    const closed = closeUpstreams(upstreams, this.#parts.log).then(() => void this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #prove(): void {
    const { log, state } = this.#parts;
    inBackground(() => proveConnections(state(), log), log, 'cannot test the connections');
  }
}

/** Listeners are matched by place: those of the running bridge are the ones that are open. */
function useCertificates(
  renewed: ListenerCertificates,
  next: Config,
  { listeners: opened }: Config,
  listeners: readonly OpenListener[],
): void {
  for (const [index, listener] of opened.entries()) {
    const tls = renewed.of(next.listeners[index] ?? listener);
    if (tls) listeners[index]?.updateTls(tls);
  }
}

const fixedAtStart = ['dataDir', 'hostname', 'listeners', 'queue', 'limits', 'log', 'admin'] as const;

type SharedParts = Omit<ListenerParts, 'listener' | 'tls' | 'maildrops' | 'accountPermits'> & {
  readonly config: Config;
  readonly certificates: ListenerCertificates;
};

async function openListeners({ config, certificates, ...shared }: SharedParts, undo: Undo): Promise<OpenListener[]> {
  const listeners: OpenListener[] = [];
  undo.push(() => Promise.all(listeners.map((listener) => listener.close(0))));
  const maildrops = new TranslatedMaildrops();
  const accountPermits = new KeyedSemaphore(config.limits.maxConnectionsPerAccount);
  for (const [index, listener] of config.listeners.entries()) {
    const tls = certificates.of(listener);
    const opening = openListener({ ...shared, listener, maildrops, accountPermits, ...(tls ? { tls } : {}) });
    listeners.push(
      await opening.catch((error: unknown) => Promise.reject(portFailure(error, `listeners[${index}]`, listener))),
    );
  }
  return listeners;
}

/** @returns what closes it */
async function openAdmin(config: Config, facts: AdminFacts, log: Log, undo: Undo): Promise<() => Promise<void>> {
  if (!config.admin) return async () => {};
  const { listenAdmin } = await import('../admin/admin-server.ts');
  const admin = await listenAdmin(config.admin, facts, log).catch((error: unknown) =>
    Promise.reject(portFailure(error, 'admin', config.admin)),
  );
  undo.push(() => admin.close());
  log.info({ host: config.admin.host, port: admin.port }, 'admin endpoint listening: /health, /metrics');
  return () => admin.close();
}
