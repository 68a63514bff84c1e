import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SinkEndpoints } from './sink.ts';

/** A program under test, running. */
export interface Relay {
  /** The processes whose families are the relay. */
  readonly pids: readonly number[];
  /** Each takes its part of the clients. */
  readonly ports: readonly number[];
  /** Messages accepted and not yet delivered, as the relay itself or its disk tells. */
  queued(): Promise<number>;
  /** How long its event loop stood still at worst since this was last asked; absent where it has none. */
  worstStallMs?(): Promise<number>;
  stop(): Promise<void>;
}

/** A program that can be put to the test. */
export interface RelayKind {
  readonly name: string;
  /** What it is, for the table's legend. */
  version(): string;
  /** Starts with an empty queue, ready for mail when it resolves. */
  start(settings: RelaySettings): Promise<Relay>;
}

export interface RelaySettings {
  /** Empty; on the disk that is measured. */
  readonly folder: string;
  readonly sink: SinkEndpoints;
  /** Deliveries at the same time. */
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
