import { AuditLog } from '../../../src/admin/access/audit-log.ts';
import { systemClock } from '../../../src/base/clock.ts';

/*
 * A process that writes to an audit log: audit-process.ts DATA-FOLDER NAME LINES MAX-BYTES. Prints what it could not write.
 */
const [dataDir = '', name = '', lines = '0', maxBytes = '0'] = process.argv.slice(2);
const log = { error: (details: unknown) => console.log(JSON.stringify(details)) };
const audit = new AuditLog({ dataDir, clock: systemClock, log, maxBytes: Number(maxBytes) });
for (let count = 0; count < Number(lines); count++) {
  const details = { at: count, pad: 'x'.repeat(count % 300) };
  audit.record({ user: name, by: 'command', address: null, action: 'test', details, outcome: 'done' });
}
audit.close();
