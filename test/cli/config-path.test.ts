import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configPath, newConfigPath } from '../../src/cli/config-path.ts';
import { dataDirFor } from '../../src/onboarding/init-config.ts';
import { needRoot } from '../support/service-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A folder to work in, and the path of a service's configuration. */
function places() {
  const [here, system] = [temporaryFolder(), join(temporaryFolder(), 'etc', 'config.json')];
  const before = process.cwd();
  process.chdir(here);
  onTestFinished(() => process.chdir(before));
  const write = (path: string) => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '{}');
  };
  return { here, system, write };
}

test('the option, the variable, config.json here, that of the service: the first of these', () => {
  const { here, system, write } = places();
  expect(configPath(undefined, {}, system)).toBe('config.json');
  write(system);
  expect(configPath(undefined, {}, system)).toBe(system);
  write(join(here, 'config.json'));
  expect(configPath(undefined, {}, system)).toBe('config.json');
  expect(configPath(undefined, { MAILBRIDGE_CONFIG: 'b.json' }, system)).toBe('b.json');
  expect(configPath('a.json', { MAILBRIDGE_CONFIG: 'b.json' }, system)).toBe('a.json');
});

test('init as root writes the configuration of an installed service, where none is here', (context) => {
  needRoot(context);
  const { here, system, write } = places();
  expect(newConfigPath(undefined, {}, system)).toBe('config.json');
  mkdirSync(join(system, '..'), { recursive: true });
  expect(newConfigPath(undefined, {}, system)).toBe(system);
  expect(newConfigPath('a.json', {}, system)).toBe('a.json');
  write(join(here, 'config.json'));
  expect(newConfigPath(undefined, {}, system)).toBe('config.json');
});

test('the data of a service are in /var/lib', () => {
  expect(dataDirFor('/etc/mailbridge/config.json')).toBe('/var/lib/mailbridge');
  expect(dataDirFor('config.json')).toBe('data');
});
