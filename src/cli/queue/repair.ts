import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { takeDataFolder } from '../../app/data-folder.ts';
import { repairQueue } from '../../queue/stores/sqlite/repair.ts';
import type { CliIo } from '../terminal/io.ts';
import { messages } from './text.ts';

/**
 * `mailbridge queue repair`: a new database of what can be read of a damaged one.
 * @throws BridgeError `already-running` while a bridge uses the queue
 */
export function repair(dataDir: string, json: boolean, io: CliIo): number {
  const lock = takeDataFolder(dataDir);
  try {
    const mark = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const report = repairQueue(join(dataDir, 'queue'), mark);
    if (json) {
      io.stdout.write(`${JSON.stringify(report)}\n`);
      return 0;
    }
    io.stdout.write(`${messages(report.messages)} saved\n`);
    if (report.withoutBody > 0) {
      io.stdout.write(`${messages(report.withoutBody)} of these without content: see queue list --state quarantined\n`);
    }
    if (report.bodies > 0 && existsSync(report.recovered)) {
      io.stdout.write(`${messages(report.bodies)} without an entry, as .eml files: ${report.recovered}\n`);
    }
    io.stdout.write(`The damaged database is kept: ${report.kept}\n`);
    return 0;
  } finally {
    lock.release();
  }
}
