import { BridgeError } from '../../../base/errors.ts';
import type { ListenerPeer } from '../probes/listener.ts';
import type { Finding, Hop } from './hop.ts';

/** The state of the queue. Times in milliseconds since 1970. */
export interface QueueFacts {
  readonly queued: number;
  readonly oldestMs: number | undefined;
  readonly held: number;
  readonly failed: number;
  readonly quarantined: number;
  /** What holds mail back, one line each. */
  readonly paused: readonly string[];
}

/** A listener, and how it is tried; `peer` is left out if its port is unknown. */
export interface CheckedListener {
  readonly target: string;
  readonly peer: ListenerPeer | undefined;
}

/** What the check can find out about the bridge on this machine. */
export interface BridgeOperations {
  /** Whether it runs, judging by its lock on the data folder. @throws BridgeError `data-folder-unusable` */
  isRunning(): boolean;
  /** The command that starts it here. */
  readonly startCommand: string;
  readonly dataDir: string;
  readonly listeners: readonly CheckedListener[];
  tryListener(peer: ListenerPeer): Promise<Finding>;
  /** HTTP of the admin port; undefined if there is none. */
  readonly admin: { readonly target: string; health(): Promise<Finding> } | undefined;
  /** Where passwords outside the configuration are verified. */
  readonly passwords: readonly { readonly target: string; check(): Promise<Finding> }[];
  /**
   * Bytes free for the bridge on the disk of the data folder, and how many have to stay free; undefined if the queue is
   * not on it.
   */
  disk(): { readonly freeBytes: number; readonly minFreeBytes: number | undefined };
  /** Undefined before the first message. */
  queue(): Promise<QueueFacts | undefined>;
}

/**
 * The hops of the bridge itself. A stopped bridge is not a failure: before the first start it cannot run yet.
 * @param mustRun a stopped bridge is a failure
 */
export function bridgeHops(operations: BridgeOperations, { mustRun }: { readonly mustRun: boolean }): Hop[] {
  const bridge = hop('bridge', '', [], async () => {
    if (operations.isRunning()) return { detail: 'runs' };
    if (!mustRun) return { notApplicable: `does not run; ${operations.startCommand} starts it` };
    throw new BridgeError('bridge-not-running', 'The bridge does not run.', {
      remedy: `Start it: ${operations.startCommand}`,
    });
  });
  return [
    bridge,
    ...(isSurelyRunning(operations) ? portHops(operations) : []),
    ...operations.passwords.map(({ target, check }) => hop('passwords', target, [], check)),
    hop('disk', '', [], async () => diskFinding(operations)),
    hop('queue', '', [], async () => queueFinding(await operations.queue())),
  ];
}

/** If that is unknown, the first hop fails. */
function isSurelyRunning(operations: BridgeOperations): boolean {
  try {
    return operations.isRunning();
  } catch {
    return false;
  }
}

function portHops(operations: BridgeOperations): Hop[] {
  const { admin } = operations;
  const tried = async (peer: ListenerPeer | undefined) =>
    peer ? await operations.tryListener(peer) : { notApplicable: 'port 0, any free one: its number is not known here' };
  return [
    ...operations.listeners.map(({ target, peer }) => hop('listener', target, ['bridge'], () => tried(peer))),
    ...(admin ? [hop('admin', admin.target, ['bridge'], () => admin.health())] : []),
  ];
}

function hop(name: Hop['name'], target: string, needs: readonly string[], run: Hop['run']): Hop {
  return { key: name === 'bridge' ? name : `${name} ${target}`, name, target, accounts: [], needs, run };
}

const megabyte = 1024 * 1024;

function diskFinding({ dataDir, ...operations }: BridgeOperations): Finding {
  const { freeBytes, minFreeBytes } = operations.disk();
  const detail = `${megabytes(freeBytes)} free on the disk of ${dataDir}`;
  if (minFreeBytes === undefined) return { detail };
  const limit = `below ${megabytes(minFreeBytes)} (queue.minFreeMegabytes) no mail is accepted`;
  if (freeBytes < minFreeBytes) {
    throw new BridgeError('queue-full', `The disk of ${dataDir} has ${megabytes(freeBytes)} free; ${limit}.`);
  }
  // Another half gigabyte is a bad day's mail.
  if (freeBytes >= minFreeBytes + 512 * megabyte) return { detail };
  return { detail, warning: `Little space is left on the disk of ${dataDir}; ${limit}.` };
}

function megabytes(bytes: number): string {
  return bytes < 10_240 * megabyte ? `${Math.floor(bytes / megabyte)} MB` : `${Math.floor(bytes / megabyte / 1024)} GB`;
}

function queueFinding(facts: QueueFacts | undefined): Finding {
  if (!facts) return { detail: 'empty' };
  const { queued, oldestMs, held, failed, quarantined, paused } = facts;
  const since = oldestMs === undefined ? '' : `, the oldest since ${new Date(oldestMs).toISOString().slice(0, 19)}Z`;
  const parts = [
    `${queued} waiting${since}`,
    ...(held > 0 ? [`${held} held`] : []),
    ...(failed > 0 ? [`${failed} given up`] : []),
    ...(quarantined > 0 ? [`${quarantined} damaged`] : []),
  ];
  const damaged = quarantined > 0 ? ['There are damaged messages: mailbridge queue list --state quarantined'] : [];
  const warnings = [...paused, ...damaged];
  return { detail: parts.join(', '), ...(warnings.length > 0 && { warning: warnings.join(' ') }) };
}
