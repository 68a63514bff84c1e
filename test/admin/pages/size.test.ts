import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ownPageFiles } from '../../../packaging/bundle/pages.ts';

test('our own code that every page loads, as a package holds it, stays below 60 KB', async () => {
  const files = await ownPageFiles();
  // Accounts, log and set-up are loaded only when opened, and the page for connecting a mailbox only by its users.
  const always = files.filter(({ path }) => !/-[\w-]{8}\.js$|^connect\//.test(path));
  expect(always.map(({ path }) => path).toSorted()).toEqual(['icon.svg', 'index.html', 'main.js', 'pages.css']);
  const bytes = always.reduce((sum, { content }) => sum + content.length, 0);
  expect(bytes).toBeLessThan(60_000);
});

test('what our own files load of packages is where they look for it', async () => {
  const looked = (await ownPageFiles()).flatMap(({ path, content }) =>
    [...content.toString().matchAll(/from"([^"]*\/vendor\/[^"]*)"/g)].map(([, from = '']) => join(dirname(path), from)),
  );
  expect([...new Set(looked)].toSorted()).toEqual([
    'vendor/lit-html/directives/repeat.js',
    'vendor/lit-html/lit-html.js',
  ]);
});
