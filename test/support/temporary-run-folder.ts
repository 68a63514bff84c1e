/**
 * Runs before the whole test run: what its processes take for the system's temporary folder is one of their own, gone
 * with the run. Tests remove their folders themselves; one that is interrupted, or a process that it kills, may not come
 * to it. Programs that tests start find there what earlier ones have compiled: that is half of what a start costs.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setUp(): void {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-run-'));
  // A server in a test may run as a user of its own.
  chmodSync(folder, 0o755);
  process.env[process.platform === 'win32' ? 'TEMP' : 'TMPDIR'] = folder;
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}
