import { expect, test } from 'vitest';
import { type BrowserFile, ownPageFiles } from '../../../packaging/bundle/pages.ts';

/** A file with those that it cannot run without. */
function withImports(files: ReadonlyMap<string, string>, path: string): Set<string> {
  const imported = [...(files.get(path) ?? '').matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)];
  const own = imported.map(([, name = '']) => name).filter((name) => files.has(name));
  return new Set([path, ...own.flatMap((name) => [...withImports(files, name)])]);
}

const textsOf = (files: readonly BrowserFile[]) =>
  new Map(files.map(({ path, content }) => [path, content.toString()] as const));

test('our own code that every page loads, as a package holds it, stays below 60 KB', async () => {
  const files = textsOf(await ownPageFiles());
  // Log and set-up are loaded by those who open them.
  const always = [...withImports(files, 'main.js'), 'index.html', 'pages.css', 'icon.svg'];
  expect([...files.keys()]).toEqual(expect.arrayContaining(always));
  expect(always.length).toBeLessThan(files.size);
  expect(always.reduce((sum, path) => sum + (files.get(path) ?? '').length, 0)).toBeLessThan(60_000);
});
