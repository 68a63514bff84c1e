import { writeFileSync } from 'node:fs';
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
  'install-service',
  'uninstall-service',
  'backup',
  'restore',
  'config',
  'hash-password',
];

test('--help lists every command', async () => {
  const { code, out } = await mailbridge(['--help']);
  expect(code).toBe(0);
  const listed = out.split('\n').flatMap((line) => /^ {2}([a-z-]+) {2}/.exec(line)?.[1] ?? []);
  expect(listed).toEqual(expect.arrayContaining(commands));
});

test.each(['--version', '-V', '-v'])('%s is that of the package', async (option) => {
  expect(await mailbridge([option])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test.each([
  [[], 'Usage: mailbridge COMMAND'],
  [['nonsense'], 'mailbridge: There is no command "nonsense". Run mailbridge --help for the commands. (usage)\n'],
  [['constructor'], 'There is no command "constructor"'],
  [['start', '--nonsense'], "mailbridge: Unknown option '--nonsense'. Run mailbridge start --help. (usage)\n"],
  [['demo', '--port-base', 'x'], '--port-base needs a whole number from 1 to 65000, not "x".'],
  [['queue', 'fix'], '"queue" cannot "fix".'],
  [
    ['queue'],
    'mailbridge: "queue" needs an action: list, show, retry, hold, release, delete, export, repair, migrate.',
  ],
  [
    ['strat'],
    'mailbridge: There is no command "strat"; did you mean "start"? Run mailbridge --help for the commands. (usage)\n',
  ],
  [['registerapp'], 'did you mean "register-app"?'],
  [['hel'], 'did you mean "help"?'],
  [['help', 'chekc'], 'There is no command or topic "chekc"; did you mean "check"?'],
  [['help', 'onbaording'], 'There is no command or topic "onbaording"; did you mean "onboarding"?'],
  [
    ['start', '--confg', 'x'],
    `Unknown option '--confg'; did you mean "--config"? Run mailbridge start --help. (usage)`,
  ],
  [['init', '--client-di', 'x'], `did you mean "--client-id"?`],
  [['start', '-x'], "mailbridge: Unknown option '-x'. Run mailbridge start --help. (usage)\n"],
  [['queue', 'lits'], '"queue" cannot "lits"; did you mean "list"?'],
  [['config', 'chek'], '"config" has no "chek"; did you mean "check"? Run mailbridge config --help. (usage)'],
  [
    ['config', 'check', '--jsn'],
    `Unknown option '--jsn'; did you mean "--json"? Run mailbridge config --help. (usage)`,
  ],
])('%j is wrong usage: exit code 2 and what to do, on standard error', async (args, message) => {
  const { code, out, err } = await mailbridge(args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(message);
});

test.each([...commands, 'sendmail'])('help %s is its --help', async (name) => {
  const help = await mailbridge(['help', name]);
  expect(help).toEqual(await mailbridge([name, '--help']));
  expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`mailbridge ${name}`) });
});

test('help alone lists the commands', async () => {
  expect(await mailbridge(['help'])).toEqual(await mailbridge(['--help']));
});

test.each([...commands, 'sendmail'])('%s --help tells more, with an example', async (name) => {
  const { code, out } = await mailbridge([name, '--help']);
  expect(code).toBe(0);
  expect(out).toContain(`Usage: mailbridge ${name}`);
  expect(out).toMatch(new RegExp(`\\nExample: (?:sudo )?mailbridge ${name}`));
});

test('a configuration that is not there: one line with the remedy', async () => {
  const file = join(temporaryFolder(), 'none.json');
  for (const command of [['start'], ['queue', 'list']]) {
    const { code, err } = await mailbridge([...command, '--config', file]);
    expect(code).toBe(2);
    expect(err).toMatch(/^mailbridge: .*none\.json.*mailbridge init.*--config FILE.*\(config-not-found\)\n$/);
    expect((await mailbridge(command, '', { MAILBRIDGE_CONFIG: file })).err).toContain('none.json');
  }
});

test.each([
  [['nonsense', '--json'], 'usage', 'There is no command "nonsense".'],
  [['start', '--nonsense', '--json'], 'usage', "Unknown option '--nonsense'."],
  [['config', 'chek', '--json'], 'usage', '"config" has no "chek"; did you mean "check"?'],
])('%j: with --json the error is one JSON object on standard error', async (args, code, message) => {
  const { out, err } = await mailbridge(args);
  expect(out).toBe('');
  expect(err).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(err)).toEqual({ code, message, remedy: expect.stringContaining('--help') });
});

test('with --json an error has its details', async () => {
  const file = join(temporaryFolder(), 'config.json');
  writeFileSync(file, '{"listner": []}', { mode: 0o600 });
  const error = JSON.parse((await mailbridge(['check', '--config', file, '--json'])).err) as Record<string, unknown>;
  expect(error).toMatchObject({ code: 'config-invalid', remedy: expect.any(String), details: { path: file } });
});
