import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type ManualPage, manualPages } from '../../../packaging/manual/pages.ts';
import { commandTable } from '../../../src/cli/commands.ts';
import { optionsOf } from '../../../src/cli/help/command-help.ts';
import { configurationKeys } from '../../../src/cli/help/configuration.ts';
import { needProgram } from '../../support/external.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let pages: ManualPage[];

beforeAll(async () => {
  pages = await manualPages('1.2.3');
});

function file(name: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, pages.find((page) => page.name === name)?.text ?? '');
  return path;
}

/** What a reader sees. */
function shown(name: string): string {
  const { stdout, stderr } = spawnSync('man', ['-l', file(name)], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8', MANPAGER: 'cat' },
  });
  expect(stderr).toBe('');
  return stdout.replaceAll(/\s+/g, ' ').replaceAll('‐ ', '');
}

test.for(['mailbridge.1', 'mailbridge-config.5'])('mandoc and groff find nothing wrong with %s', (name, context) => {
  needProgram(context, 'mandoc');
  needProgram(context, 'groff');
  const mandoc = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', file(name)], { encoding: 'utf8' });
  expect(mandoc).toMatchObject({ status: 0, stdout: '' });
  const groff = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', file(name)], { encoding: 'utf8' });
  expect(groff).toMatchObject({ status: 0, stderr: '' });
});

test('mailbridge(1) has every command and option', async (context) => {
  needProgram(context, 'man');
  const text = shown('mailbridge.1');
  const missing = (await commandTable()).flatMap((command) => [
    ...(text.includes(` mailbridge ${command.name} `) ? [] : [command.name]),
    ...optionsOf(command)
      .filter(({ name }) => name !== '--help' && !text.includes(name))
      .map(({ name }) => `${command.name} ${name}`),
  ]);
  expect(missing).toEqual([]);
  expect(text).toContain('mailbridge 1.2.3');
});

test('mailbridge-config(5) has every key', (context) => {
  needProgram(context, 'man');
  const text = shown('mailbridge-config.5');
  const names = configurationKeys().map((key) => key.replace(/^.*\./, ''));
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
  expect(text).toContain('"port": 2525');
});
