import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { commandTable } from '../../../src/cli/commands.ts';
import { actionsOf, type CommandHelp, optionsOf } from '../../../src/cli/help/command-help.ts';
import { needProgram } from '../../support/external.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

let table: CommandHelp[];

beforeAll(async () => {
  table = await commandTable();
});

test('every option that is completed is one that the command takes', async () => {
  const unknown: string[] = [];
  for (const command of table) {
    for (const { name, value } of optionsOf(command)) {
      const { err } = await mailbridge([command.name, name, ...(value === undefined ? [] : ['1']), '--help']);
      if (/Unknown option|unknown option|does not take/.test(err)) unknown.push(`${command.name} ${name}: ${err}`);
    }
  }
  expect(unknown).toEqual([]);
});

test('options, their values and the actions are read of what --help says', () => {
  const find = (name: string) => table.find((each) => each.name === name) as CommandHelp;
  expect(optionsOf(find('account')).map(({ name, value }) => [name, value])).toEqual([
    ['--name', 'NAME'],
    ['--days', 'N'],
    ['--config', 'FILE'],
    ['--json', undefined],
    ['--help', undefined],
  ]);
  expect(actionsOf(find('account')).map(({ name }) => name)).toEqual([
    ...['add', 'list', 'remove', 'rotate', 'invite', 'invitations', 'revoke'],
  ]);
  expect(optionsOf(find('init')).find(({ name }) => name === '--read')?.value).toBe('imap|pop3');
  // They name options of other commands.
  expect(optionsOf(find('init')).map(({ name }) => name)).not.toContain('--write');
  expect(optionsOf(find('simulate')).map(({ name }) => name)).not.toContain('--cloud');
  expect(actionsOf(find('config')).map(({ name }) => name)).toEqual(['check', 'schema', 'describe']);
  expect(actionsOf(find('start'))).toEqual([]);
});

/** Asks a shell to complete a command line with the cursor at its end. */
type Ask = (script: string, words: readonly string[]) => readonly string[];

const ask: Readonly<Record<string, Ask>> = {
  bash(script, words) {
    const program = `compopt() { :; }; source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mailbridge; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['-c', program, 'bash', script, ...words]);
  },
  fish(script, words) {
    const program = 'source $argv[1]; complete -C $argv[2]';
    return run('fish', ['--no-config', '-c', program, script, words.join(' ')]).map(
      (line) => line.split('\t')[0] ?? '',
    );
  },
};

function run(shell: string, args: string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, args, {
    encoding: 'utf8',
    env: { ...process.env, HOME: temporaryFolder() },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

test.for(Object.keys(ask))('%s completes commands, actions, options and their values', async (shell, context) => {
  needProgram(context, shell);
  const folder = temporaryFolder();
  const script = join(folder, 'script');
  writeFileSync(script, (await mailbridge(['completion', shell])).out);
  writeFileSync(join(folder, 'bridge.json'), '');
  const completions = (...words: string[]) => (ask[shell] as Ask)(script, ['mailbridge', ...words]).toSorted();

  expect(completions('que')).toEqual(['queue']);
  expect(completions('config', '')).toEqual(expect.arrayContaining(['check', 'describe', 'schema']));
  expect(completions('queue', 'list', '--st')).toEqual(['--state']);
  expect(completions('init', '--use', '')).toEqual(['both', 'read', 'send']);
  expect(completions('help', 'secu')).toEqual(['security']);
  expect(completions('start', '--config', `${folder}/br`)).toEqual([`${folder}/bridge.json`]);
});

/** Types a line and the Tab key in a separate zsh. */
const zsh = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PROMPT='> '; fpath=($1 \\$fpath); autoload -U compinit; compinit -u -D; bindkey '^I' complete-word; print R''EADY"
zpty -r z out '*READY*'
zpty -r z out '*> *'
zpty -w -n z "$2"$'\\t'
zpty -r z out "*$3*" && print -r -- found
zpty -d z
`;

test('zsh completes an option', { timeout: 20_000 }, async (context) => {
  needProgram(context, 'zsh');
  const folder = temporaryFolder();
  writeFileSync(join(folder, '_mailbridge'), (await mailbridge(['completion', 'zsh'])).out);
  const typed = (line: string, expected: string) =>
    spawnSync('zsh', ['-f', '-c', zsh, 'zsh', folder, line, expected], { encoding: 'utf8', timeout: 8_000 }).stdout;
  expect(typed('mailbridge queue list --stat', '--state')).toBe('found\n');
  expect(typed('mailbridge queue li', 'list')).toBe('found\n');
  expect(typed('mailbridge que', 'queue')).toBe('found\n');
});

test('a shell that is not known is wrong usage', async () => {
  expect(await mailbridge(['completion'])).toMatchObject({ code: 2 });
  expect((await mailbridge(['completion', 'tcsh'])).err).toContain('One of: bash, zsh, fish.');
});
