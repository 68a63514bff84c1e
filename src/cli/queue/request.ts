import { BridgeError } from '../../base/errors.ts';
import type { WaitingOptions } from '../../queue/attempts/waiting.ts';
import type { QueueFilter, QueueStore } from '../../queue/store.ts';
import type { AuditNote } from '../audited.ts';
import type { CliIo } from '../terminal/io.ts';

/** The request of a `mailbridge queue` command line. */
export interface QueueRequest extends WaitingOptions {
  readonly ids: readonly string[];
  readonly filter: QueueFilter;
  /** Where it could do harm, only --all selects every message. */
  readonly all: boolean;
  readonly json: boolean;
  readonly summary: boolean;
  readonly limit: number;
  readonly out: string | undefined;
  /** Nothing is asked. */
  readonly yes: boolean;
  readonly note: AuditNote;
}

/** One action of `mailbridge queue` on an open queue. @returns the exit code */
export type QueueAction = (store: QueueStore, request: QueueRequest, io: CliIo) => Promise<number>;

/** Whether the command line selects messages at all. */
export function chooses({ filter, all }: QueueRequest): boolean {
  return all || Object.keys(filter).length > 0;
}

/** The error for an id that the queue does not have. */
export function messageNotFound(id: string): BridgeError {
  return new BridgeError('message-not-found', `There is no message ${id} in the queue.`);
}

/** The error for a command line that selects no messages. */
export function whichMessages(): BridgeError {
  return new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.', {
    remedy: 'Run mailbridge queue --help for the filters.',
  });
}
