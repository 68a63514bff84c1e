import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const project = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(project, file), 'utf8');
const sources = globSync('src/**/*.ts', { cwd: project }).map(read).join('\n');

test('the layout in CONTRIBUTING names every room', () => {
  const rooms = readdirSync(join(project, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const rows = [...read('CONTRIBUTING.md').matchAll(/^\| (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*) \|/gm)].map(
    ([, names]) => names,
  );
  const named = rows.flatMap((names) => [...(names ?? '').matchAll(/`([a-z0-9-]+)`/g)].map(([, name]) => name));
  expect(named.toSorted()).toEqual(rooms.map(({ name }) => name).toSorted());
});

test('every log line that the operations page explains is one that the bridge writes', () => {
  const [, table = ''] = /\| `msg` \| level \| means \|\n([\s\S]*?)\n\n/.exec(read('docs/operations.md')) ?? [];
  const lines = [...table.matchAll(/^\| (.*?) \| \d\d \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
  );
  expect(lines.length).toBeGreaterThan(10);
  // Variable parts are an ellipsis there, a template here.
  const unknown = lines.filter((line) =>
    line.split('…').some((part) => !sources.includes(part.trim().replace(/:$/, ''))),
  );
  expect(unknown).toEqual([]);
});

test('the version of Node.js that README and CONTRIBUTING name is the one that package.json asks for', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  const major = /\d+/.exec(engines.node)?.[0];
  expect(read('README.md')).toContain(`mailbridge runs on Node.js ${major}`);
  expect(read('CONTRIBUTING.md')).toContain(`brings ${major} into \`node_modules\``);
});

test('the way of a message in CONTRIBUTING is one of files that are there, and no more than 25 of them', () => {
  const [, section = ''] = /## The way of a message\n([\s\S]*?)\n## /.exec(read('CONTRIBUTING.md')) ?? [];
  const files = [...section.matchAll(/`([a-z0-9/-]+\.ts)`/g)].map(([, file = '']) => file);
  expect(files.filter((file) => !existsSync(join(project, 'src', file)))).toEqual([]);
  expect(new Set(files).size).toBe(files.length);
  expect(files.length).toBeGreaterThan(15);
  expect(files.length).toBeLessThanOrEqual(25);
});
