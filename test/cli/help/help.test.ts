import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sourceTexts } from '../../../docs/texts.ts';
import { configurationKeys } from '../../../src/cli/help/configuration.ts';
import { sectionsAbout, sectionsOf } from '../../../src/cli/help/documents.ts';
import { mailbridge } from '../harness.ts';

const docs = join(import.meta.dirname, '../../../docs');
const topics = readdirSync(docs).flatMap((name) => /^(.*)\.md$/.exec(name)?.[1] ?? []);

test.each(topics)('help %s prints the document', async (topic) => {
  const { code, out, err } = await mailbridge(['help', topic]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const lines = readFileSync(join(docs, `${topic}.md`), 'utf8').split('\n');
  expect(out.split('\n')[0]).toBe(lines[0]);
  expect(out).toContain(lines.findLast((line) => line !== ''));
  expect(out).not.toContain('<!--');
});

test('a key of the configuration is described, as an error or a person names it', async () => {
  const expected = 'listeners[].port\n  whole number 0 to 65535; required\n  TCP port.';
  for (const key of ['listeners[].port', 'listeners[2].port', 'listeners.port', 'Listeners.Port']) {
    const { code, out } = await mailbridge(['help', 'configuration', key]);
    expect({ key, code, out }).toEqual({ key, code: 0, out: expect.stringContaining(expected) });
  }
  const grant = await mailbridge(['help', 'configuration', 'connections.contoso.grant']);
  expect(grant.out).toMatch(/^connections\.NAME\.grant\n {2}client-credentials, /);
});

test('the end of a path names every key that ends so; an object lists its keys', async () => {
  const { out } = await mailbridge(['help', 'configuration', 'port']);
  expect(out).toContain('listeners[].port\n');
  expect(out).toContain('admin.port\n');
  const log = await mailbridge(['help', 'configuration', 'log']);
  expect(log.out).toMatch(/^log\n/);
  expect(log.out).toMatch(/\nKeys of log:\n {2}level {3}trace, debug, .*default "info"\n {2}format {2}/);
});

test('every key of the configuration has its help', async () => {
  for (const key of configurationKeys()) {
    const { code, out } = await mailbridge(['help', 'configuration', key]);
    expect({ key, code, begin: out.split('\n')[0] }).toEqual({ key, code: 0, begin: key });
  }
});

test('a code of an error, and words of a heading, print that part', async () => {
  const { out } = await mailbridge(['help', 'errors', 'queue-full']);
  expect(out).toMatch(/^## queue-full\n\n\*\*temporary\.\*\*/);
  expect(out).not.toContain('\n## ');
  const personal = await mailbridge(['help', 'onboarding', 'personal', 'mailbox']);
  expect(personal.out).toMatch(/^## A personal mailbox\n/);
  expect(personal.out).not.toContain('## register-app');
});

test('a part that is not there is wrong usage, with the nearest and the way to all of it', async () => {
  expect(await mailbridge(['help', 'configuration', 'lisetners[].port'])).toEqual({
    code: 2,
    out: '',
    err: 'mailbridge: docs/configuration.md has no part "lisetners[].port"; did you mean "listeners[].port"? mailbridge help configuration prints all of it. (usage)\n',
  });
});

test.each([
  ['configuration', '['],
  ['configuration', ''],
  ['errors', '#'],
])('help %s "%s" has no part of that name', async (topic, part) => {
  expect(await mailbridge(['help', topic, part])).toMatchObject({
    code: 2,
    err: expect.stringContaining('has no part'),
  });
});

test('a part ends with the next heading of its level; a hash sign in code is no heading', () => {
  const document = '# T\n\n## One\na\n### Inner one\nb\n```sh\n# Two\n```\n## Two\nc\n';
  expect(sectionsOf(document).map(({ title }) => title)).toEqual(['T', 'One', 'Inner one', 'Two']);
  expect(sectionsAbout(document, 'one')).toEqual([
    { title: 'One', text: '## One\na\n### Inner one\nb\n```sh\n# Two\n```\n' },
  ]);
  expect(sectionsAbout(document, 'inner')).toEqual([
    { title: 'Inner one', text: '### Inner one\nb\n```sh\n# Two\n```\n' },
  ]);
});

test('no text sends to a file of the sources: it names the command that prints the part', async () => {
  const texts = sourceTexts();
  const citing = texts.filter(({ text, file }) => /docs\/\w/.test(text) && !file.startsWith('config/reference'));
  expect(citing.map(({ file, line, text }) => `src/${file}:${line}: ${text}`)).toEqual([]);
  const cited = texts.flatMap(({ text }) =>
    [...text.matchAll(/mailbridge help ([a-z-]+)(?: (\w+))?/g)].map(([, topic = '', part]) => [topic, part] as const),
  );
  expect(cited.length).toBeGreaterThan(3);
  for (const [topic, part] of cited) {
    const words = part === undefined || !/^[a-z]/.test(part) || /^(prints|lists|has|says)$/.test(part) ? [] : [part];
    expect([topic, await mailbridge(['help', topic, ...words])]).toEqual([topic, expect.objectContaining({ code: 0 })]);
  }
});
