import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';

const repository = resolve(import.meta.dirname, '../../..');
const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '..', 'vitest.mjs');

/** A separate test run of one file. @returns its exit code, and the search's report */
async function runTests(content: string, ...args: string[]): Promise<{ code: number; said: string[] }> {
  const folder = temporaryFolder();
  const own = { globals: true, pool: 'forks', include: ['*.test.ts'], reporters: ['dot'] };
  const globalSetup = join(import.meta.dirname, 'test-run.ts');
  const setupFiles = [join(import.meta.dirname, 'test-process.ts')];
  const config = `export default ${JSON.stringify({ test: { ...own, globalSetup, setupFiles } })};\n`;
  writeFileSync(join(folder, 'vitest.config.mjs'), config);
  writeFileSync(join(folder, 'nested.test.ts'), content.replaceAll('REPOSITORY', repository));
  const child = spawn(process.execPath, [vitest, 'run', ...args], { cwd: folder, stdio: 'pipe' });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const said = errors.split('\n').filter((line) => line.startsWith('secret search: '));
  expect(said, `${output}${errors}`).not.toEqual([]);
  return { code: code as number, said };
}

const leaks = `
import { PassThrough } from 'node:stream';
import { openLog } from 'REPOSITORY/src/base/log.ts';
import { Secret } from 'REPOSITORY/src/config/secrets.ts';
import { mailbridge } from 'REPOSITORY/test/cli/harness.ts';
import { Mailbridge } from 'REPOSITORY/test/support/process.ts';

test('a log to anywhere', async () => {
  const log = openLog({ level: 'info', format: 'json', destination: new PassThrough() });
  log.info({ text: new Secret('Planted~1-log').reveal() }, 'told');
});

test('a command', async () => {
  await mailbridge([new Secret('Planted~2-command').reveal()]);
});

test('a process', async () => {
  await Mailbridge.run([new Secret('Planted~3-process').reveal()]).exit();
});

test('a secret of a process that is killed', async () => {
  const simulate = Mailbridge.run(['simulate']);
  await simulate.text(/^}/m, 'what it shows');
  await simulate.kill();
  console.log('its secret is', JSON.parse(simulate.stdout).clientSecret);
});
`;

test('a secret planted in a test run is found, and the run fails', { timeout: 60_000 }, async () => {
  const where = String.raw`line 1, nested.test.ts: "mailbridge: There is no command \""`;
  const { code, said } = await runTests(leaks, '--testNamePattern', '^a ');
  expect(said.shift()).toMatch(
    /^secret search: \d secrets looked for in [\d,]+ octets .* from 3 processes: found in 4 lines$/,
  );
  expect(said.map((line) => line.replace(/\(\d+\)/, '(pid)')).sort()).toEqual([
    expect.stringMatching(
      /^secret search: client secret "sim…" in the console, line 1, nested.test.ts: "its secret is "$/,
    ),
    expect.stringMatching(/^secret search: configured secret "Pla…" in the log, line 1, nested.test.ts: ".*text/),
    `secret search: configured secret "Pla…" in the standard error of mailbridge … (pid), ${where}`,
    `secret search: configured secret "Pla…" in the standard error of mailbridge …, ${where}`,
  ]);
  expect(said.join()).not.toContain('Planted');
  expect(code).toBe(1);
});

test('a run without a leak passes, unless it is the whole one and has seen no secret', {
  timeout: 60_000,
}, async () => {
  const harmless = `test('harmless', () => {});\n`;
  const some = await runTests(harmless, '--testNamePattern', 'harmless');
  expect(some).toEqual({
    code: 0,
    said: ['secret search: 0 secrets looked for in 0 octets of output from 0 processes: none found'],
  });
  const whole = await runTests(harmless);
  expect(whole.code).toBe(1);
  expect(whole.said.slice(1)).toEqual([
    'secret search: no output was gathered from the whole test run',
    expect.stringMatching(/^secret search: the whole test run has used no secret of these kinds: token, /),
  ]);
});
