import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import type { AccountDirectory } from '../accounts/directory.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { BridgeError, errorText, systemErrorCode } from '../base/errors.ts';
import { inBackground } from '../base/in-background.ts';
import type { Log } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { KeyedSemaphore } from '../base/semaphore.ts';
import type { Config, Listener } from '../config/schema.ts';
import { openInFlightJournal } from '../queue/in-flight-journal.ts';
import { Queue } from '../queue/queue.ts';
import { createDirectory, createLoginMemory } from './accounts.ts';
import { adminFacts } from './admin-facts.ts';
import { type BounceOptions, composeBounce, composeDelayWarning } from './bounce.ts';
import { takeDataFolder } from './data-folder.ts';
import { deliveryPolicy } from './delivery-policy.ts';
import { DuplicateDrops, dropsFile } from './duplicate-drops.ts';
import { DuplicateFilter, isInVain } from './duplicate-filter.ts';
import { ListenerCertificates, type ListenerTls } from './listener-certificates.ts';
import { openListener } from './listeners.ts';
import { openQueueStore } from './queue-store.ts';
import { watchSignIns } from './sign-in-watch.ts';
import { tenantDomains } from './tenant-domains.ts';
import { TranslatedMaildrops } from './translated-maildrops.ts';
import { smtpPermitsOf, Upstream } from './upstream.ts';

/** What a reload replaces. */
export interface BridgeState {
  readonly config: Config;
  readonly directory: AccountDirectory;
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/** A port that is open. */
export interface OpenListener {
  readonly protocol: Listener['protocol'];
  readonly host: string;
  readonly port: number;
  readonly security: Listener['security'];
  updateTls(material: ListenerTls): void;
  close(graceMs: number): Promise<void>;
}

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
 * @throws BridgeError for whatever an administrator can mend: a port in use, an unreadable certificate …
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
    log.warn({ folder: each }, `${each} could be written by other users of this machine; now it cannot`),
  );
  undo.push(() => folder.release());
  const memory = createLoginMemory(config, clock);
  const smtpPermits = smtpPermitsOf(config);
  const openAll = (wanted: Config) =>
    openUpstreams(wanted, (name) => Upstream.open(name, wanted, clock, log, smtpPermits));
  let state: BridgeState = {
    config,
    directory: createDirectory(config, memory, clock),
    upstreams: await openAll(config),
  };
  undo.push(() => closeUpstreams(state.upstreams, log));
  const certificates = await ListenerCertificates.open(config, hostname, clock.now());
  const store = openQueueStore(config, log);
  const expireAfterMs = config.queue.expireAfterHours * hourMs;
  const notifications: BounceOptions = {
    hostname,
    clock,
    expireAfterMs,
    open: (id) => store.open(id),
    remoteMta: ({ connection, courier }) => state.upstreams.get(connection)?.hostName(courier),
  };
  const queue = new Queue({
    store,
    clock,
    log,
    limits: config.limits,
    isInternal: tenantDomains(config),
    oneLogin: (name) => state.upstreams.get(name)?.person !== undefined,
    backoff: { baseMs: config.queue.retryBaseSeconds * 1000, maxMs: config.queue.retryMaxSeconds * 1000 },
    retain: {
      deliveredMs: config.queue.retainDeliveredDays * dayMs,
      failedMs: config.queue.retainFailedDays * dayMs,
    },
    journal: openInFlightJournal(
      join(config.dataDir, 'queue', 'in-flight'),
      clock.now(),
      undefined,
      (receivedSinceMs) =>
        store
          .list({ states: ['queued', 'held', 'failed'], receivedSinceMs }, Number.MAX_SAFE_INTEGER)
          .map(({ id }) => id),
    ),
    courierFor: ({ connection, courier, account }) =>
      state.upstreams.get(connection)?.courier(courier, deliveryPolicy(state.config, account)),
    probe: async (connection, part) => await state.upstreams.get(connection)?.probe(part),
    bounceFor: (message, verdict) => composeBounce(message, verdict, notifications),
    ...(config.queue.delayWarningHours > 0 && {
      delayWarnings: {
        afterMs: config.queue.delayWarningHours * hourMs,
        warningFor: (message) => composeDelayWarning(message, notifications),
      },
    }),
  });
  undo.push(() => queue.stop(0));
  const queueFolder = join(config.dataDir, 'queue');
  const isInVainById = (id: string) => {
    const accepted = store.get(id);
    return accepted !== undefined && isInVain(accepted);
  };
  const drops = new DuplicateDrops(dropsFile(queueFolder), clock, (id) => store.get(id) !== undefined);
  const duplicates = new DuplicateFilter(join(queueFolder, 'duplicates'), clock, isInVainById, drops);
  let closeAdmin = async () => {};
  const maildrops = new TranslatedMaildrops();
  const accountPermits = new KeyedSemaphore(config.limits.maxConnectionsPerAccount);
  const listeners: OpenListener[] = [];
  undo.push(() => Promise.all(listeners.map((listener) => listener.close(0))));
  for (const [index, listener] of config.listeners.entries()) {
    const tls = certificates.of(listener);
    const parts = {
      listener,
      hostname,
      queue,
      clock,
      log,
      duplicates,
      maildrops,
      accountPermits,
      state: () => state,
      ...(tls ? { tls } : {}),
    };
    listeners.push(
      await openListener(parts).catch((error: unknown) => Promise.reject(listenFailure(error, listener, index))),
    );
  }
  if (config.admin) {
    const { listenAdmin } = await import('../admin/admin-server.ts');
    const admin = await listenAdmin(
      config.admin,
      adminFacts(store, queue, () => state.upstreams.values()),
      log,
    ).catch((error: unknown) => Promise.reject(portFailure(error, 'admin', config.admin)));
    undo.push(() => admin.close());
    log.info({ host: config.admin.host, port: admin.port }, 'admin port open: /health, /metrics');
    closeAdmin = () => admin.close();
  }
  /** Listeners are matched by place: those of the running bridge are the ones that are open. */
  const updateCertificates = async (next: Config) => {
    const renewed = await ListenerCertificates.open(next, hostname, clock.now());
    for (const [index, listener] of config.listeners.entries()) {
      const tls = renewed.of(next.listeners[index] ?? listener);
      if (tls) listeners[index]?.updateTls(tls);
    }
  };
  // A certificate made here and a sign-in are renewed in time even if nobody ever restarts the bridge.
  const everyDay = () => {
    inBackground(() => updateCertificates(state.config), log, 'certificates cannot be renewed');
    inBackground(() => renewSignIns(state.upstreams, log), log, 'sign-ins cannot be renewed');
    lookForDrafts();
    cancelDaily = clock.after(dayMs, everyDay);
  };
  const lookForDrafts = () => inBackground(() => sweepDrafts(state, log), log, 'drafts are not looked through');
  let cancelDaily = clock.after(dayMs, everyDay);
  const cancelAfterCrash = clock.after(2 * draftAgeMs, lookForDrafts);
  undo.push(cancelAfterCrash);
  undo.push(() => cancelDaily());
  queue.start();
  const endWatch = watchSignIns({
    connections: () => state.upstreams.values(),
    onSignIn: () => queue.retryNow(),
    clock,
    log,
  });
  undo.push(endWatch);
  const prove = () => inBackground(() => proveConnections(state, log), log, 'connections cannot be proven');
  prove();
  inBackground(() => renewSignIns(state.upstreams, log), log, 'sign-ins cannot be renewed');
  const reloads = new OneAtATime();
  /** Those of earlier configurations, which close when their last delivery has ended. */
  const closing = new Set<Promise<void>>();
  let isStopping = false;
  const closeLater = (upstreams: BridgeState['upstreams']) => {
    const closed = closeUpstreams(upstreams, log).then(() => void closing.delete(closed));
    closing.add(closed);
  };

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    isStopping = true;
    cancelDaily();
    cancelAfterCrash();
    endWatch();
    await reloads.run(async () => {});
    const graceMs = state.config.shutdown.graceSeconds * 1000;
    await Promise.all(listeners.map((listener) => listener.close(graceMs)));
    await queue.stop(graceMs);
    closeLater(state.upstreams);
    await Promise.all(closing);
    await closeAdmin();
    folder.release();
  };

  return {
    listeners,
    authorityFile: certificates.authorityFile,
    reload: (next) =>
      reloads.run(async () => {
        if (isStopping) return;
        const upstreams = await openAll(next);
        await updateCertificates(next).catch(async (error: unknown) => {
          await closeUpstreams(upstreams, log);
          throw error;
        });
        const before = state;
        // With those of the new ones they would be more than Microsoft allows a mailbox.
        await Promise.all([...before.upstreams.values()].map((upstream) => upstream.leaveIdle()));
        state = { config: next, directory: createDirectory(next, memory, clock), upstreams };
        for (const key of fixedAtStart) {
          if (JSON.stringify(next[key]) !== JSON.stringify(config[key]))
            log.warn({ key }, `${key} has changed: restart to take it up`);
        }
        closeLater(before.upstreams);
        prove();
        await queue.retryNow();
      }),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Gets the tokens that the accounts will need, so that a wrong secret is told at the start and not by the first
 * message. Nothing waits for it; mail is accepted all the same.
 */
async function proveConnections({ config, upstreams }: BridgeState, log: Log): Promise<void> {
  const needs = new Set<string>();
  for (const { connection, send, read } of config.accounts) {
    if (send === 'graph' || read === 'graph') needs.add(`${connection} graph`);
    if (send === 'smtp' || read === 'imap' || read === 'pop3') needs.add(`${connection} exchange`);
  }
  for (const need of needs) {
    const [connection = '', resource] = need.split(' ') as [string, 'graph' | 'exchange'];
    const upstream = upstreams.get(connection);
    try {
      await upstream?.getToken(resource);
    } catch (error) {
      if (upstream?.isClosed) return;
      const remedy = error instanceof BridgeError ? error.remedy : '';
      const passes = error instanceof BridgeError && error.kind === 'temporary';
      log[passes ? 'warn' : 'error'](
        { connection, resource, error },
        `connection ${connection} gets no token for ${resource}: ${errorText(error)} ${remedy}`,
      );
    }
  }
}

/** A sign-in dies when nobody uses it for 90 days; nobody shall come near that. */
const signInAgeMs = 7 * dayMs;

async function renewSignIns(upstreams: BridgeState['upstreams'], log: Log): Promise<void> {
  for (const upstream of upstreams.values()) {
    const { name, person } = upstream;
    try {
      if (await person?.grant.renewIfOld(signInAgeMs)) log.info({ connection: name }, 'sign-in renewed');
    } catch (error) {
      if (upstream.isClosed) return;
      const remedy = error instanceof BridgeError ? error.remedy : '';
      log.error({ connection: name, error }, `the sign-in of ${name} is not renewed: ${errorText(error)} ${remedy}`);
    }
  }
}

/** Longer than any upload takes. */
const draftAgeMs = 3_600_000;

/** An upload cut short by a crash leaves its draft. What cannot be looked at now is looked at tomorrow. */
async function sweepDrafts({ config, upstreams }: BridgeState, log: Log): Promise<void> {
  const sending = config.accounts.filter(({ send }) => send === 'graph');
  const places = new Map(sending.map((account) => [`${account.connection} ${account.mailbox.toLowerCase()}`, account]));
  for (const { connection, mailbox } of places.values()) {
    await upstreams
      .get(connection)
      ?.sweepDrafts(mailbox, draftAgeMs)
      .catch((error: unknown) => log.debug({ connection, mailbox, error }, 'drafts are not looked through'));
  }
}

const fixedAtStart = ['dataDir', 'hostname', 'listeners', 'queue', 'limits', 'log', 'admin'] as const;

async function openUpstreams(
  { connections }: Config,
  open: (name: string) => Promise<Upstream>,
): Promise<ReadonlyMap<string, Upstream>> {
  const upstreams = new Map<string, Upstream>();
  try {
    for (const name of Object.keys(connections)) upstreams.set(name, await open(name));
    return upstreams;
  } catch (error) {
    await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    throw error;
  }
}

async function closeUpstreams(upstreams: ReadonlyMap<string, Upstream>, log: Log): Promise<void> {
  const closed = await Promise.allSettled([...upstreams.values()].map((upstream) => upstream.close()));
  for (const each of closed) {
    if (each.status === 'rejected') log.warn({ error: each.reason }, 'a connection did not close');
  }
}

function listenFailure(error: unknown, listener: Listener, index: number): unknown {
  return portFailure(error, `listeners[${index}]`, listener);
}

function portFailure(error: unknown, what: string, at: { host: string; port: number } | undefined): unknown {
  const code = systemErrorCode(error);
  if (error instanceof BridgeError || code === undefined) return error;
  const where = `${what}: ${at?.host}:${at?.port}`;
  if (code === 'EADDRINUSE') {
    return new BridgeError('port-in-use', `${where} is in use by another program.`, { cause: error });
  }
  return new BridgeError('listen-failed', `${where} cannot be listened on (${code}).`, { cause: error });
}
