import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../../support/external.ts';

const root = resolve(import.meta.dirname, '../../../..');

/** Files of the driver that are loaded once a program has run. */
async function loadedDriver(program: string): Promise<number> {
  const count = `(await import('node:module')).createRequire('${root}/x.js').cache`;
  const script = `${program}; console.log(Object.keys(${count}).filter((file) => file.includes('/node_modules/pg/')).length)`;
  const { output } = await runProgram(process.execPath, ['--input-type=module', '-e', script]);
  return Number(output);
}

test('the driver is loaded where a queue on PostgreSQL is opened alone', async () => {
  const file = (name: string) => `await import('${root}/src/${name}')`;
  expect(await loadedDriver(file('app/queue-store.ts'))).toBe(0);
  expect(await loadedDriver(file('queue/stores/postgres/store.ts'))).toBe(0);
  const opened = `await (${file('queue/stores/postgres/store.ts')}).openPostgresStore({ url: 'postgres://x@127.0.0.1:1' }).catch(() => {})`;
  expect(await loadedDriver(opened)).toBeGreaterThan(0);
});
