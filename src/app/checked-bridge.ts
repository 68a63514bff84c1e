import { existsSync } from 'node:fs';
import { hostname as machineName, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { BridgeError, errorText } from '../base/errors.ts';
import { connectableHost, isEveryAddress } from '../base/sockets/listening-host.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import type { Config, ListenerConfig } from '../config/schema.ts';
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
import { freeOctets } from '../queue/stores/disk-full.ts';
import { openSqliteStore } from '../queue/stores/sqlite/store.ts';
import { isDataFolderTaken } from './data-folder.ts';

/** How the check of the bridge itself is done. */
export interface BridgeCheckOptions {
  /** A bridge that does not run is a failure. */
  readonly mustRun: boolean;
  readonly clock: Clock;
}

const timeoutMs = 5_000;
const megabyte = 1024 * 1024;

/** Tries the bridge of a configuration, as it runs on this machine: its listeners, its disk, its queue. */
export function checkBridge(config: Config, { mustRun, clock }: BridgeCheckOptions): AsyncGenerator<HopResult> {
  return runHops(undefined, bridgeHops(checkedBridge(config, clock), { mustRun }));
}

function checkedBridge(config: Config, clock: Clock): BridgeOperations {
  const { dataDir, admin, queue } = config;
  return {
    dataDir,
    isRunning: () => isDataFolderTaken(dataDir),
    startCommand: startCommand(),
    listeners: config.listeners.map((listener) => checkedListener(listener, config)),
    tryListener: (peer) => tryListener(peer, timeoutMs, clock.now()),
    admin: admin && {
      target: `http://${admin.host}:${admin.port}/health`,
      health: () => askHealth(connectableHost(admin.host), admin.port),
    },
    disk: () => ({ freeBytes: freeOctets(existing(dataDir)), minFreeBytes: queue.minFreeMegabytes * megabyte }),
    queue: async () => queueFacts(dataDir, clock.now()),
  };
}

/** Where mailbridge is a service of this machine, systemd starts it. */
function startCommand(): string {
  const folders = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
  const isService = folders.some((folder) => existsSync(join(folder, 'mailbridge.service')));
  return isService ? 'systemctl start mailbridge' : 'mailbridge start';
}

/** A listener that is meant for other machines is reached by an address of this one in their network. */
function checkedListener({ protocol, host, port, security }: ListenerConfig, config: Config): CheckedListener {
  const target = `${protocol} ${host}:${port} (${security})`;
  if (port === 0) return { target, peer: undefined };
  const name = config.hostname ?? machineName();
  const [, ...addresses] = ownAddresses(name, networkInterfaces());
  const outward = addresses.filter((address) => host !== '0.0.0.0' || !address.includes(':'));
  const address = isEveryAddress(host) ? (outward[0] ?? connectableHost(host)) : host;
  const names = isLoopback(host) ? ['localhost', host, name] : [...new Set([name, address])];
  return { target, peer: { service: protocol, host: address, port, security, names } };
}

/** @throws BridgeError `listener-unanswered` */
async function askHealth(host: string, port: number): Promise<Finding> {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    const answer = await fetch(`http://${authority}/health`, { signal: AbortSignal.timeout(timeoutMs) });
    const health = (await answer.json()) as { status?: unknown; troubles?: readonly { connection: string }[] };
    if (health.status === 'ok') return { detail: 'ok' };
    const connections = [...new Set((health.troubles ?? []).map(({ connection }) => connection))];
    return { detail: String(health.status), warning: `Mail waits for ${connections.join(', ')}.` };
  } catch (error) {
    const why = errorText((error as { cause?: unknown }).cause ?? error);
    throw new BridgeError('listener-unanswered', `The bridge runs, and its admin port does not answer: ${why}`, {
      cause: error,
    });
  }
}

/** The folder, or the one that it is going to be in. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** @throws BridgeError `queue-unreadable`, `queue-format-newer` */
async function queueFacts(dataDir: string, nowMs: number): Promise<QueueFacts | undefined> {
  const folder = join(dataDir, 'queue');
  if (!existsSync(join(folder, 'queue.sqlite'))) return undefined;
  const store = openSqliteStore(folder, { exclusive: false });
  try {
    const oldest = store.totals({ states: ['queued'] }).map(({ oldestReceivedAtMs }) => oldestReceivedAtMs);
    const paused = store.pauses().filter((pause) => pauseLeftMs(pause, nowMs) > 0);
    return {
      queued: store.count('queued'),
      oldestMs: oldest.length === 0 ? undefined : Math.min(...oldest),
      held: store.count('held'),
      failed: store.count('failed'),
      quarantined: store.count('quarantined'),
      paused: paused.map(
        ({ key, untilMs, code, text }) => `${key} is paused until ${new Date(untilMs).toISOString()}: ${code} ${text}`,
      ),
    };
  } finally {
    await store.close();
  }
}
