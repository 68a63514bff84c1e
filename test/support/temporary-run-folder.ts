/**
 * Runs before the whole test run: gives its processes their own temporary folder, which is removed with the run. Tests
 * remove their folders themselves; an interrupted test, or a process that it kills, may not. Programs that tests start
 * find there what earlier ones have compiled, which saves half the cost of a start.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setUp(): void {
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-run-'));
  // A server in a test may run as another user.
  chmodSync(folder, 0o755);
  process.env[process.platform === 'win32' ? 'TEMP' : 'TMPDIR'] = folder;
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}
