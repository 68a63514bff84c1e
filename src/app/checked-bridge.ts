import { existsSync } from 'node:fs';
import { hostname as machineName, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import type { RecordTable } from '../base/record-table.ts';
import { connectableHost, isEveryAddress } from '../base/sockets/listening-host.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
import { answerText } from '../message/answer-text.ts';
import {
  type BridgeOperations,
  bridgeHops,
  type CheckedListener,
  type QueueFacts,
} from '../onboarding/check/hops/bridge.ts';
import { type Finding, type HopResult, runHops } from '../onboarding/check/hops/hop.ts';
import { tryListener } from '../onboarding/check/probes/listener.ts';
import { ownAddresses } from '../onboarding/own-addresses.ts';
import { pauseLeftMs } from '../queue/limits/pause.ts';
import type { QueueStore } from '../queue/store.ts';
import { freeOctets } from '../queue/stores/disk-full.ts';
import { askHealth, healthUrl } from './admin/ask-health.ts';
import { isDataFolderTaken } from './data-folder.ts';
import { configuredHost } from './listeners/client-hosts.ts';
import { checkedPasswords } from './passwords/checked.ts';
import type { CommandQueue } from './queue-store.ts';

/** Options for checking the bridge itself. */
export interface BridgeCheckOptions {
  /** Whether a stopped bridge is a failure. */
  readonly mustRun: boolean;
  readonly clock: Clock;
  /** People who have to be found where passwords are checked. */
  readonly mailboxes?: readonly string[] | undefined;
  /** Set if instances share their app passwords; undefined: they are in the data folder. */
  readonly shared?: RecordTable | undefined;
  readonly queue: CommandQueue;
}

const timeoutMs = 5_000;
const megabyte = 1024 * 1024;

/** Checks the bridge of a configuration as it runs on this machine: its listeners, its disk, its queue. */
export function checkBridge(config: Config, options: BridgeCheckOptions): AsyncGenerator<HopResult> {
  return runHops(undefined, bridgeHops(checkedBridge(config, options), options));
}

function checkedBridge(config: Config, { clock, mailboxes, shared, queue }: BridgeCheckOptions): BridgeOperations {
  const { dataDir, admin } = config;
  return {
    dataDir,
    isRunning: () => isDataFolderTaken(dataDir),
    startCommand: startCommand(),
    listeners: config.listeners.map((listener) => checkedListener(listener, config)),
    tryListener: (peer) => tryListener(peer, timeoutMs, clock.now()),
    admin: admin && {
      target: healthUrl(admin, admin.host),
      health: () => healthOf(healthUrl(admin, connectableHost(admin.host))),
    },
    passwords: checkedPasswords(config, clock, mailboxes, shared),
    disk: () => ({
      freeBytes: freeOctets(existing(dataDir)),
      // With another store, the database runs out of room instead.
      minFreeBytes: config.queue.store === 'sqlite' ? config.queue.minFreeMegabytes * megabyte : undefined,
    }),
    queue: async () => queueFacts(await queue.existing(), clock.now()),
  };
}

/** If mailbridge is a service of this machine, systemd starts it. */
function startCommand(): string {
  const folders = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
  const isService = folders.some((folder) => existsSync(join(folder, 'mailbridge.service')));
  return isService ? 'systemctl start mailbridge' : 'mailbridge start';
}

/** A listener for other machines is reached by an address of this one in their network. */
function checkedListener(listener: ListenerConfig, config: Config): CheckedListener {
  const { protocol, host, port, security, proxyProtocol } = listener;
  const target = `${protocol} ${host}:${port} (${security})`;
  if (port === 0) return { target, peer: undefined };
  const name = config.hostname ?? machineName();
  const [, ...addresses] = ownAddresses(name, networkInterfaces());
  const outward = addresses.filter((address) => host !== '0.0.0.0' || !address.includes(':'));
  const address = isEveryAddress(host) ? (outward[0] ?? connectableHost(host)) : host;
  const names = isLoopback(host)
    ? ['localhost', host, name]
    : [...new Set([name, configuredHost(config) ?? name, address])];
  const peer = { service: protocol, host: address, port, security, names, ...(proxyProtocol && { proxyProtocol }) };
  return { target, peer };
}

/** The parts of the `/health` answer used here. */
interface Health {
  readonly status?: unknown;
  readonly troubles?: readonly { readonly connection: string }[];
  readonly reasons?: readonly { readonly text: string }[];
}

function healthFinding({ status, troubles = [], reasons = [] }: Health): Finding {
  const connections = [...new Set(troubles.map(({ connection }) => connection))];
  const warnings = [
    ...(connections.length > 0 ? [`Mail waits for ${connections.join(', ')}.`] : []),
    ...(reasons.length > 0 ? [`/readyz sends clients elsewhere: ${reasons.map(({ text }) => text).join(' ')}`] : []),
  ];
  return { detail: String(status), ...(warnings.length > 0 && { warning: warnings.join(' ') }) };
}

/** @throws BridgeError `listener-unanswered` */
async function healthOf(url: string): Promise<Finding> {
  try {
    return healthFinding((await askHealth(url, timeoutMs)) as Health);
  } catch (error) {
    throw new BridgeError(
      'listener-unanswered',
      `The bridge runs, but its admin port does not answer: ${errorText(error)}`,
      { cause: error },
    );
  }
}

/** The folder, or the one it will be created in. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

async function queueFacts(store: QueueStore | undefined, nowMs: number): Promise<QueueFacts | undefined> {
  if (!store) return undefined;
  const oldest = (await store.totals({ states: ['queued'] })).map(({ oldestReceivedAtMs }) => oldestReceivedAtMs);
  const paused = (await store.pauses()).filter((pause) => pauseLeftMs(pause, nowMs) > 0);
  return {
    queued: await store.count('queued'),
    oldestMs: oldest.length === 0 ? undefined : Math.min(...oldest),
    held: await store.count('held'),
    failed: await store.count('failed'),
    quarantined: await store.count('quarantined'),
    paused: paused.map(
      (pause) => `${pause.key} is paused until ${new Date(pause.untilMs).toISOString()}: ${answerText(pause)}`,
    ),
  };
}
