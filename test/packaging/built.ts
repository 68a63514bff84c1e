import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { lacks } from '../support/external.ts';

const repository = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };

/** The packages of `npm run package`, which takes too long for every test run; continuous integration has run it. */
export const built = {
  version,
  bundle: join(repository, `dist/packages/mailbridge-${version}.tgz`),
  executable: join(repository, `dist/packages/mailbridge-${version}-linux-x64`),
  debian: join(repository, `dist/packages/mailbridge_${version}_amd64.deb`),
};

/** Skips a test whose package has not been built, and prints a line that says so. */
export function needBuilt(context: TestContext, kind: 'bundle' | 'executable' | 'debian'): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') lacks(context, 'packages are tried on Linux x64');
  if (!existsSync(built[kind])) lacks(context, `npm run package has not been run (${kind})`);
}
