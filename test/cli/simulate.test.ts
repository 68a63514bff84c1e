import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

/** Runs `simulate --write` until it has exited, or has printed the next step; then ends it. */
async function written(file: string) {
  const running = mailbridge(['simulate', '--write', file]);
  const stopping = setInterval(() => {
    if (existsSync(file) && lstatSync(file).isFile() && /"control"/.test(readFileSync(file, 'utf8'))) {
      for (const end of process.listeners('SIGTERM').slice(-1)) end('SIGTERM');
    }
  }, 50);
  return await running.finally(() => clearInterval(stopping));
}

test('--write puts what init needs into a file for this user alone, and may do so again', async () => {
  const file = join(temporaryFolder(), 'simulator.json');
  for (let times = 0; times < 2; times++) {
    const { code, out } = await written(file);
    expect(code).toBe(0);
    expect(out).toContain(`mailbridge init --cloud ${file}\n`);
    expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')))).toContain('cloud');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
});

test('--write leaves what it did not write', async () => {
  const folder = temporaryFolder();
  const precious = join(folder, 'precious.txt');
  writeFileSync(precious, 'precious');
  expect(await mailbridge(['simulate', '--write', precious])).toMatchObject({
    code: 2,
    err: expect.stringContaining('already exists with other content. Name another file. (file-exists)'),
  });
  expect(readFileSync(precious, 'utf8')).toBe('precious');
});

test.skipIf(process.platform === 'win32')('--write to a pipe, or to a device, is refused: it is no file', async () => {
  const pipe = join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const place of [pipe, '/dev/null']) {
    expect(await mailbridge(['simulate', '--write', place])).toMatchObject({ code: 2, out: '' });
  }
  expect(lstatSync(pipe).isFIFO()).toBe(true);
  expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
});
