import { hostname as machineName } from 'node:os';

import type { AdminSessions } from '../admin/access/sessions.ts';

import { LogTail } from '../admin/api/log/log-tail.ts';
import type { OpenSetUp } from '../admin/api/set-up/routes.ts';
import type { AdminServer } from '../admin/server/admin-server.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { inBackground } from '../base/in-background.ts';
import type { Log } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import type { RecordTable } from '../base/record-table.ts';
import type { Config } from '../config/schema.ts';
import { smtpPermitsOf } from '../couriers/connection-couriers.ts';
import { type SendingMemory, storedMemory } from '../couriers/sent-items/sending-memory.ts';
import type { Finding } from '../onboarding/check/hops/hop.ts';
import type { Queue } from '../queue/queue.ts';
import type { QueueStore } from '../queue/store.ts';
import { createDirectory, createLoginMemory, type LoginMemory } from './accounts.ts';
import { EventRelay } from './admin/event-relay.ts';
import { observedStore } from './admin/observed-store.ts';
import { openAdmin } from './admin/open.ts';
import { pagesOrigin } from './admin/pages-origin.ts';
import { adminPorts } from './admin/ports.ts';
import { bridgeQueue } from './bridge-queue.ts';
import type { BridgeState, OpenListener } from './bridge-state.ts';
import type { LeaseKeys } from './connections/lease-keys.ts';
import { signInOwners } from './connections/tokens.ts';
import { Upstream } from './connections/upstream.ts';
import { closeUpstreams, openUpstreams } from './connections/upstreams.ts';
import { takeDataFolder } from './data-folder.ts';
import { bridgeRecords } from './instances/shared-records.ts';
import { ListenerCertificates } from './listener-certificates.ts';
import { BridgeListeners, type ListenerChange, type SharedListenerParts } from './listeners/bridge-listeners.ts';
import { clientHosts } from './listeners/client-hosts.ts';
import { startAlerting } from './observing/alerting.ts';
import { observeForAdmin } from './observing/for-admin.ts';
import { Observation } from './observing/observation.ts';
import { crossedPasswordWarnings } from './passwords/crossed.ts';
import { openQueueStore } from './queue-store.ts';
import { Readiness } from './readiness.ts';
import { sendTestMessage } from './set-up/test-message.ts';
import { watchSignIns } from './sign-in-watch.ts';
import { proveConnections, startUpkeep, type UpkeepParts } from './upkeep.ts';
import { BridgeReading } from './workers/reading.ts';

/** A running bridge. */
export interface Bridge {
  readonly listeners: readonly OpenListener[];
  /** The file of the local certificate authority, if the listeners use one. */
  readonly authorityFile: string | undefined;
  /** The names by which programs reach a listener, best first. See {@link clientHosts}. */
  clientHosts(host: string): readonly string[];
  /** Where administrators reach the pages; undefined if there are none. Ends with a slash. */
  readonly pagesUrl: string | undefined;
  /** Set if instances share sign-ins; undefined: they are files in the data folder. */
  readonly shared: RecordTable | undefined;
  /** Whether a reload has brought something that only takes effect after a restart. */
  readonly needsRestart: boolean;
  /** Queues a test message of an account and follows it. @throws BridgeError see {@link sendTestMessage} */
  sendTest(username: string, to: string): Promise<Finding>;
  /**
   * Applies another configuration and tries waiting mail again; open connections continue, listeners stay as they are.
   * Reloads run one after the other; none begins once the bridge stops.
   */
  reload(config: Config): Promise<void>;
  /**
   * Continues for `shutdown.drainSeconds` while `/readyz` tells load balancers to look elsewhere. Then stops accepting,
   * lets what is in flight finish for up to `shutdown.graceSeconds`, and closes the queue.
   */
  stop(): Promise<void>;
}

export interface BridgeOptions {
  readonly log: Log;
  readonly clock?: Clock;
  /** The last lines of the log, for the admin pages. Default: none. */
  readonly logTail?: LogTail;
  /** Ends a start that waits for the server of the queue; the start rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The parts of an admin server that already ran before the bridge. */
  readonly admin?: { readonly setUp: OpenSetUp; readonly sessions: AdminSessions };
}

/** Undoes completed steps in reverse order. */
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
 * delivery. If something fails, everything opened is closed again.
 * @throws BridgeError for whatever an administrator can fix: a port in use, an unreadable certificate …
 */
export async function startBridge(config: Config, options: BridgeOptions): Promise<Bridge> {
  const undo = new Undo();
  try {
    return await start(config, { clock: systemClock, ...options }, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

type StartOptions = BridgeOptions & { readonly clock: Clock };

async function start(config: Config, options: StartOptions, undo: Undo): Promise<Bridge> {
  const { log, clock, logTail = new LogTail() } = options;
  const hostname = config.hostname ?? machineName();
  const folder = takeDataFolder(config.dataDir, (each) =>
    log.warn({ folder: each }, `${each} was writable by other users of this machine: permissions corrected`),
  );
  undo.push(() => folder.release());
  const prepared = await prepare(config, options, hostname, undo);
  const { store, records, queue, state, memory, certificates, observed } = prepared;
  const { listeners, reading } = await openListeners({ config, hostname, clock, log, ...prepared }, undo);
  const readiness = new Readiness(store);
  const parts = { reading, readiness, clock, log, logTail, hostname, setUp: options.admin?.setUp };
  const upstreams = () => state().upstreams.all();
  const sources = { ...prepared, ...parts, listeners: listeners.open, upstreams };
  const alerting = startAlerting(sources);
  undo.push(() => alerting.stop());
  const ports = () => adminPorts({ ...sources, alerts: () => alerting.alerts.current() });
  const { sessions } = options.admin ?? {};
  const admin = await openAdmin({ config, hostname, certificates, clock, log, sessions, ports });
  undo.push(() => admin?.close());
  const { prepareListeners, renewCertificates } = listenerChanges(listeners, { hostname, clock }, admin);
  const reload = (changed: Config): Promise<void> => bridge.reload(changed);
  const endWork = startWork({ config, clock, log, records, queue, state, renewCertificates, reload });
  undo.push(endWork);
  const bridge = new RunningBridge({
    ...{ ...prepared, listeners, authorityFile: certificates.authorityFile, log, config, prepareListeners },
    pagesUrl: pagesUrlOf(config, admin),
    shared: records,
    sendTest: (username, to) => sendTestMessage({ queue, store, clock, state }, username, to),
    reloaded() {
      reading.reloaded();
      alerting.reloaded();
    },
    drain: () => drain(readiness, state().config.shutdown.drainSeconds, clock, log),
    endWork,
    endAlerts: () => alerting.stop(),
    endLogins: () => memory.close(),
    async close() {
      await reading.close();
      await admin?.close();
      await observed?.close();
      folder.release();
    },
  });
  return bridge;
}

/** @param server knows its port if the configuration leaves that open */
function pagesUrlOf(config: Config, server: AdminServer | undefined): string | undefined {
  const { admin } = config;
  return admin?.pages && server ? `${pagesOrigin({ ...admin, port: server.port }, config)}/` : undefined;
}

type WorkParts = Omit<UpkeepParts, 'signInOwners'> & {
  readonly config: Config;
  readonly records: RecordTable | undefined;
  readonly queue: Queue;
};

/** Resumes delivery and starts periodic work. @returns a function that ends the latter */
function startWork({ config, records, queue, ...parts }: WorkParts): () => void {
  const { clock, log, state } = parts;
  const owners = (name: string) => signInOwners(name, config, records, clock.now());
  const endUpkeep = startUpkeep({ ...parts, signInOwners: owners });
  queue.start();
  const connections = () => state().upstreams.all();
  const endWatch = watchSignIns({ connections, onSignIn: () => queue.retryNow(), isShared: !!records, clock, log });
  return () => {
    endUpkeep();
    endWatch();
  };
}

/** Everything needed before clients are admitted. */
async function prepare(config: Config, options: StartOptions, hostname: string, undo: Undo) {
  const { log, clock } = options;
  const opening = openStore(config, options, undo);
  // The shared records are requested at once; a thread of our own starts while the rest is prepared.
  const records = await bridgeRecords(config, opening);
  let sending: SendingMemory | undefined;
  const sendingMemory = () => sending as SendingMemory;
  const observation = new Observation();
  const memory = createLoginMemory(config, clock, log, records, observation.logins);
  undo.push(() => memory.close());
  const first = await firstState(config, { clock, log, records, memory, observation }, sendingMemory);
  const { state } = first;
  observation.use(() => state().config);
  undo.push(() => closeUpstreams(state().upstreams, log));
  const certificates = await ListenerCertificates.open(config, hostname, clock.now());
  const events = new EventRelay();
  const opened = await opening;
  // Open pages show events; without pages, nothing is reported.
  const store = config.admin?.pages ? observedStore(opened, (data) => events.tell({ kind: 'message', data })) : opened;
  sending = await storedMemory(store.records, clock);
  const queueParts = bridgeQueue({ config, hostname, clock, log, store, observation, state });
  undo.push(() => queueParts.queue.stop(0));
  // The queue closes the store, which also records the last uses of app passwords.
  undo.push(() => memory.close());
  const observed = await observeForAdmin({ clock, log, store, observation, state });
  undo.push(() => observed?.close());
  return {
    ...{
      ...first,
      ...queueParts,
      memory,
      uses: memory.uses,
      records,
      certificates,
      store,
      events,
      observation,
      observed,
    },
    startedAtMs: clock.now(),
  };
}

/** Its thread starts while the rest is prepared. */
function openStore(config: Config, { clock, log, signal }: StartOptions, undo: Undo): Promise<QueueStore> {
  const opening = openQueueStore(config, clock, log, signal);
  undo.push(() => opening.then((store) => store.close()).catch(() => {}));
  // The error is reported once the store is needed.
  opening.catch(() => {});
  return opening;
}

/** What a state needs apart from the configuration. */
interface StateParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: RecordTable | undefined;
  readonly memory: LoginMemory;
  readonly observation: Observation;
}

/** The state for the configuration, in force until a reload replaces it. */
async function firstState(
  config: Config,
  { clock, log, records, memory, observation }: StateParts,
  sendingMemory: () => SendingMemory,
) {
  const smtpPermits = smtpPermitsOf(config.limits.concurrentPerMailbox);
  const openState = async (wanted: Config): Promise<BridgeState> => ({
    config: wanted,
    directory: await createDirectory(wanted, memory, clock),
    upstreams: await openUpstreams(wanted, (name) =>
      Upstream.open(name, wanted, { clock, log, memory: sendingMemory, smtpPermits, shared: records, observation }),
    ),
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
  readonly listeners: BridgeListeners;
  readonly authorityFile: string | undefined;
  readonly queue: Queue;
  readonly leaseKeys: LeaseKeys | undefined;
  readonly log: Log;
  /** The configuration of the start. */
  readonly config: Config;
  openState(config: Config): Promise<BridgeState>;
  state(): BridgeState;
  /** @returns the previous state */
  replace(next: BridgeState): BridgeState;
  /** See {@link BridgeListeners.prepare}. */
  prepareListeners(config: Config): Promise<ListenerChange>;
  /** Another configuration is in force. */
  reloaded(): void;
  /** Resolves when no more clients are expected. */
  drain(): Promise<void>;
  readonly pagesUrl: string | undefined;
  readonly shared: RecordTable | undefined;
  readonly sendTest: Bridge['sendTest'];
  /** Ends periodic work. */
  endWork(): void;
  /** Ends alerting. Before the queue stops. */
  endAlerts(): Promise<void>;
  /** Releases what logins use; no more will come. Before the queue stops, which closes the store. */
  endLogins(): Promise<void>;
  close(): Promise<void>;
}

class RunningBridge implements Bridge {
  readonly listeners: readonly OpenListener[];
  readonly authorityFile: string | undefined;
  readonly pagesUrl: string | undefined;
  readonly #parts: RunningParts;
  readonly #reloads = new OneAtATime();
  /** Connections of earlier configurations, which close after their last delivery. */
  readonly #closing = new Set<Promise<void>>();
  #isStopping = false;
  #needsRestart = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.listeners = parts.listeners.open;
    this.authorityFile = parts.authorityFile;
    this.pagesUrl = parts.pagesUrl;
    this.#prove();
  }

  get shared(): RecordTable | undefined {
    return this.#parts.shared;
  }

  clientHosts(host: string): readonly string[] {
    return clientHosts(host, this.#parts.config);
  }

  get needsRestart(): boolean {
    return this.#needsRestart;
  }

  sendTest(username: string, to: string): Promise<Finding> {
    return this.#parts.sendTest(username, to);
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
    const change = await this.#parts.prepareListeners(next).catch(async (error: unknown) => {
      await closeUpstreams(opened.upstreams, log);
      throw error;
    });
    // Together with those of the new connections they would be more than Microsoft allows a mailbox.
    await Promise.all(
      state()
        .upstreams.values()
        .map((upstream) => upstream.leaveIdle()),
    );
    const before = this.#parts.replace(opened);
    change.apply();
    this.#parts.reloaded();
    const fixed = fixedAtStart.filter((key) => JSON.stringify(next[key]) !== JSON.stringify(config[key]));
    for (const key of fixed) log.warn({ key }, `${key} has changed: restart to apply it`);
    this.#needsRestart = fixed.length > 0;
    for (const connection of this.#parts.leaseKeys?.renewed() ?? [])
      log.warn(
        { connection },
        `connections.${connection}.grant has changed: stop all instances, then start them again`,
      );
    this.#closeLater(before);
    this.#prove();
    await queue.retryNow();
  }

  async #stop(): Promise<void> {
    const { listeners, queue, state } = this.#parts;
    this.#isStopping = true;
    await this.#parts.drain();
    this.#parts.endWork();
    await this.#reloads.run(async () => {});
    const graceMs = state().config.shutdown.graceSeconds * 1000;
    await listeners.close(graceMs);
    await this.#parts.endAlerts();
    await this.#parts.endLogins();
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
    inBackground(() => this.#tellCrossed(), log, 'cannot compare app passwords with the accounts');
  }

  /** Nothing else would show that another configuration lets an app password open another account. */
  async #tellCrossed(): Promise<void> {
    const { log, state, shared } = this.#parts;
    try {
      for (const text of await crossedPasswordWarnings(state().config, shared)) log.warn(text);
    } catch (error) {
      // They are unreadable for logins as well, which is reported there.
      if (!(error instanceof BridgeError)) throw error;
    }
  }
}

async function drain(readiness: Readiness, seconds: number, clock: Clock, log: Log): Promise<void> {
  readiness.drain();
  if (seconds === 0) return;
  log.info({ seconds }, 'draining: /readyz answers 503, listeners still accept');
  await new Promise<void>((resolve) => void clock.after(seconds * 1000, resolve));
}

/** Changes listeners, and the certificate of the admin port, while the bridge runs. */
function listenerChanges(
  listeners: BridgeListeners,
  { hostname, clock }: { readonly hostname: string; readonly clock: Clock },
  admin: AdminServer | undefined,
) {
  const certificatesOf = (config: Config) => ListenerCertificates.open(config, hostname, clock.now());
  const useAtAdmin = ({ admin: settings }: Config, certificates: ListenerCertificates) => {
    const tls = settings && certificates.of(settings);
    if (tls) admin?.updateTls(tls);
  };
  return {
    async prepareListeners(next: Config): Promise<ListenerChange> {
      const certificates = await certificatesOf(next);
      const { apply, undo } = await listeners.prepare(next, certificates);
      return {
        undo,
        apply() {
          apply();
          useAtAdmin(next, certificates);
        },
      };
    },
    async renewCertificates(config: Config): Promise<void> {
      const certificates = await certificatesOf(config);
      listeners.renew(certificates);
      useAtAdmin(config, certificates);
    },
  };
}

const fixedAtStart = ['dataDir', 'hostname', 'workers', 'queue', 'limits', 'log', 'admin'] as const;

type SharedParts = Omit<SharedListenerParts, 'reading' | 'limits'> & {
  readonly config: Config;
  readonly certificates: ListenerCertificates;
};

async function openListeners(parts: SharedParts, undo: Undo) {
  const { config, certificates, ...shared } = parts;
  const reading = await BridgeReading.open(parts);
  undo.push(() => reading.close());
  const listeners = new BridgeListeners({ ...shared, reading, limits: config.limits });
  undo.push(() => listeners.close(0));
  (await listeners.prepare(config, certificates)).apply();
  return { listeners, reading };
}
