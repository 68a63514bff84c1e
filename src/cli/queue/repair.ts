import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { takeDataFolder } from '../../app/data-folder.ts';
import type { QueuePlace } from '../../app/queue-store.ts';
import { BridgeError } from '../../base/errors.ts';
import { repairQueue } from '../../queue/stores/sqlite/repair.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';
import { messages } from './text.ts';

/**
 * `mailbridge queue repair`: builds a new database from what can be read of a damaged one.
 * @throws BridgeError `already-running` while a bridge uses the queue, `usage` if it is not in the data folder
 */
export function repair({ dataDir, queue }: QueuePlace, json: boolean, io: CliIo): number {
  if (queue.store !== 'sqlite') throw elsewhere(dataDir);
  const lock = takeDataFolder(dataDir);
  try {
    const mark = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const report = repairQueue(join(dataDir, 'queue'), mark);
    if (json) {
      io.stdout.write(`${JSON.stringify(report)}\n`);
      return 0;
    }
    const screen = new Screen(io.stdout, io.env);
    screen.say(`${messages(report.messages)} saved`, { mark: 'ok' });
    if (report.withoutBody > 0) {
      screen.say(`${messages(report.withoutBody)} of these without content: see queue list --state quarantined`);
    }
    if (report.bodies > 0 && existsSync(report.recovered)) {
      screen.say(`${messages(report.bodies)} without an entry, as .eml files: ${report.recovered}`);
    }
    screen.say(`The damaged database is kept: ${report.kept}`);
    return 0;
  } finally {
    lock.release();
  }
}

function elsewhere(dataDir: string): BridgeError {
  const problem = '"queue repair" is for a queue in the data folder, and queue.store is "postgres".';
  return new BridgeError('usage', problem, {
    remedy: `Restore a damaged PostgreSQL from its backup. For a queue that was left in ${dataDir}, set queue.store to "sqlite" first.`,
  });
}
