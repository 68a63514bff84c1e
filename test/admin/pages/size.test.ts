import { expect, test } from 'vitest';
import { ownPageFiles } from '../../../packaging/bundle/pages.ts';

test('our own code that every page loads, as a package holds it, stays below 60 KB', async () => {
  const files = await ownPageFiles();
  // The set-up is loaded by those who open it.
  const always = files.filter(({ path }) => !/-[\w-]{8}\.js$/.test(path));
  expect(always.map(({ path }) => path).toSorted()).toEqual(['icon.svg', 'index.html', 'main.js', 'pages.css']);
  const bytes = always.reduce((sum, { content }) => sum + content.length, 0);
  expect(bytes).toBeLessThan(60_000);
});
