import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

const commands = [
  'start',
  'init',
  'register-app',
  'consent',
  'login',
  'exchange-script',
  'check',
  'demo',
  'simulate',
  'queue',
  'config',
  'hash-password',
];

test('--help lists every command', async () => {
  const { code, out } = await mailbridge(['--help']);
  expect(code).toBe(0);
  const listed = out.split('\n').flatMap((line) => /^ {2}([a-z-]+) {2}/.exec(line)?.[1] ?? []);
  expect(listed).toEqual(expect.arrayContaining(commands));
});

test('--version is that of the package', async () => {
  expect(await mailbridge(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test.each([
  [[], 'Usage: mailbridge COMMAND'],
  [['nonsense'], 'mailbridge: there is no command "nonsense". Run mailbridge --help for the commands.\n'],
  [['constructor'], 'there is no command "constructor"'],
  [['start', '--nonsense'], "mailbridge: Unknown option '--nonsense'. Run mailbridge start --help. (usage)\n"],
  [['demo', '--port-base', 'x'], '--port-base needs a whole number from 1 to 65000, not "x".'],
  [['queue', 'fix'], '"queue" cannot "fix".'],
])('%j is wrong usage: exit code 2 and what to do, on standard error', async (args, message) => {
  const { code, out, err } = await mailbridge(args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(message);
});

test.each(commands)('%s --help tells more', async (name) => {
  const { code, out } = await mailbridge([name, '--help']);
  expect(code).toBe(0);
  expect(out).toContain(`Usage: mailbridge ${name}`);
});

test('a configuration that is not there: one line with the remedy', async () => {
  const file = join(temporaryFolder(), 'none.json');
  for (const args of [
    ['start', '--config', file],
    ['queue', 'list', '--config', file],
  ]) {
    const { code, err } = await mailbridge(args);
    expect(code).toBe(2);
    expect(err).toMatch(/^mailbridge: .*none\.json.*mailbridge init.*--config FILE.*\(config-not-found\)\n$/);
  }
  expect((await mailbridge(['start'], '', { MAILBRIDGE_CONFIG: file })).err).toContain('none.json');
});
