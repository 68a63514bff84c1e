import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/load.ts';

const folder = new URL('../bad-configs/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

async function refusal(path: string): Promise<BridgeError> {
  const error = await loadConfig(path, { env: { EMPTY: '' } }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof BridgeError) return error;
  throw new Error(`${path} was not refused with a BridgeError`, { cause: error });
}

test('there are bad configurations to try', () => {
  expect(names.length).toBeGreaterThanOrEqual(60);
});

test.each(names)('%s is refused with just the lines expected', async (name) => {
  const error = await refusal(fileURLToPath(new URL(`${name}.json`, folder)));
  const lines = [error.code, ...(error.details.problems as readonly string[])];
  expect(lines).toEqual(
    readFileSync(new URL(`${name}.expected`, folder), 'utf8')
      .trimEnd()
      .split('\n'),
  );
});

test.each(names)('%s: the error does not tell the secrets of the file', async (name) => {
  const error = await refusal(fileURLToPath(new URL(`${name}.json`, folder)));
  expect(`${error.message} ${error.toString()} ${JSON.stringify(error.details)} ${error.stack}`).not.toMatch(
    /s3cret-of-contoso|geheim-7/,
  );
});

test('every expectation has its configuration', () => {
  const expected = readdirSync(folder).filter((file) => file.endsWith('.expected'));
  expect(expected.map((file) => file.slice(0, -'.expected'.length)).sort()).toEqual([...names].sort());
});
