import { describe, expect, test } from 'vitest';
import { driftedFiles, generatedFiles } from '../../docs/generate.ts';
import { errorCatalogue } from '../../src/base/error-catalogue.ts';
import { exampleConfig } from '../../src/config/example.ts';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { load } from './sample.ts';

/** Every schema inside a schema, with the path of keys to it. */
function* schemasIn(schema: JsonSchema, path: string): Generator<[string, JsonSchema]> {
  yield [path, schema];
  for (const [key, inner] of Object.entries(schema.properties ?? {})) yield* schemasIn(inner, `${path}.${key}`);
  for (const inner of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) yield* schemasIn(inner, path);
  if (schema.items) yield* schemasIn(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object') yield* schemasIn(schema.additionalProperties, `${path}.NAME`);
}

test('the generated files are what the sources make of them (otherwise run: node docs/generate.ts)', async () => {
  expect(await driftedFiles()).toEqual([]);
});

test('the example holds, once its secrets are in the environment', async () => {
  const env = { CONTOSO_CLIENT_SECRET: 's3cret-of-contoso', SCANNER_PASSWORD: 'ganz-geheim-7' };
  const { config, warnings } = await load(exampleConfig, { env });
  expect(warnings).toEqual([]);
  expect(config.accounts[0]?.password?.reveal()).toBe('ganz-geheim-7');
});

test('the example on disk is the example in the sources', () => {
  expect(JSON.parse(generatedFiles()['config.example.json'] ?? '')).toEqual(exampleConfig);
});

describe('the JSON Schema', () => {
  const schema = configJsonSchema();
  const all = [...schemasIn(schema, '')];

  test('refuses unknown keys in every object', () => {
    const objects = all.filter(([, one]) => one.properties !== undefined);
    expect(objects.length).toBeGreaterThan(20);
    expect(objects.filter(([, one]) => one.additionalProperties !== false)).toEqual([]);
  });

  test('describes every key', () => {
    const bare = objectKeys().filter(([, one]) => !one.description);
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  test('has patterns that other languages can read', () => {
    expect(JSON.stringify(schema)).not.toMatch(/\\\\[pP]\{/);
  });

  test('requires no key that has a default', () => {
    const wrong = all.flatMap(([path, one]) =>
      (one.required ?? []).filter((key) => one.properties?.[key]?.default !== undefined).map((key) => `${path}.${key}`),
    );
    expect(wrong).toEqual([]);
  });

  function objectKeys(): [string, JsonSchema][] {
    return all.flatMap(([path, one]) =>
      Object.entries(one.properties ?? {}).map(([key, inner]): [string, JsonSchema] => [`${path}.${key}`, inner]),
    );
  }
});

test('the reference has a row for every key and the page of errors a section for every code', () => {
  const { 'docs/configuration.md': reference = '', 'docs/errors.md': errors = '' } = generatedFiles();
  for (const [path] of schemasIn(configJsonSchema(), '')) {
    const key = path.split('.').at(-1)?.replace('[]', '') ?? '';
    if (key !== '' && key !== 'NAME' && !['env', 'file'].includes(key)) expect(reference).toContain(`| \`${key}\` |`);
  }
  for (const code of Object.keys(errorCatalogue)) expect(errors).toContain(`\n## ${code}\n`);
});
