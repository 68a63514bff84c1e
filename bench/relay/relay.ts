import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkEndpoints } from './sink.ts';

/** A running program under test. */
export interface Relay {
  /** The relay consists of these processes and their descendants. */
  readonly pids: readonly number[];
  /** Each takes its share of the clients. */
  readonly ports: readonly number[];
  /** Messages accepted and not yet delivered, as reported by the relay or its disk. */
  queued(): Promise<number>;
  /** Longest event loop stall since the last call; absent if it has no event loop. */
  worstStallMs?(): Promise<number>;
  stop(): Promise<void>;
}

/** A program that can be tested. */
export interface RelayKind {
  readonly name: string;
  /** Description for the table's legend. */
  version(): string;
  /** Starts with an empty queue, ready for mail once it resolves. */
  start(settings: RelaySettings): Promise<Relay>;
}

export interface RelaySettings {
  /** Empty; on the disk to be measured. */
  readonly folder: string;
  readonly sink: SinkEndpoints;
  /** Concurrent deliveries. */
  readonly concurrency: number;
}

export const reversePath = 'reports@contoso.example';
export const recipient = 'bob@contoso.example';

/** Waits until a relay greets on a port. */
export async function greeted(port: number, failed: () => string | undefined): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const failure = failed();
    if (failure !== undefined) throw new Error(failure);
    if (await greets(port)) return;
    await sleep(50);
  }
  throw new Error(`nobody greets on port ${port}`);
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (greeting: boolean) => {
      socket.destroy();
      resolve(greeting);
    };
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('data', () => end(true));
  });
}
