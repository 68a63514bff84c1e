import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { takeDataFolder } from '../../src/app/data-folder.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('is made on first use, for its owner alone', () => {
  const folder = takeDataFolder(join(temporaryFolder(), 'new', 'data'));
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  folder.release();
});

test('belongs to one bridge at a time, and is free again however that one ended', async () => {
  const path = temporaryFolder();
  const module = new URL('../../src/app/data-folder.ts', import.meta.url);
  const code = `import { takeDataFolder } from '${module}'; globalThis.held = takeDataFolder('${path}'); console.log('held'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  expect(() => takeDataFolder(path)).toThrow(expect.objectContaining({ code: 'already-running' }));
  other.kill('SIGKILL');
  await once(other, 'exit');
  takeDataFolder(path).release();
});

test('that cannot be used is refused with the reason', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => takeDataFolder(join(file, 'data'))).toThrow(expect.objectContaining({ code: 'data-folder-unusable' }));
});
