import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import options from '../../../rolldown.pages.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('our own code of the pages, as the package holds it, stays below 60 KB', async () => {
  const { output, ...input } = options as Exclude<typeof options, readonly unknown[] | ((...rest: never) => unknown)>;
  const build = await rolldown(input);
  const { output: files } = await build.generate({ ...output, dir: temporaryFolder() } as never);
  await build.close();
  const sizes = files.map((file) => (file.type === 'chunk' ? file.code : file.source).length);
  expect(files.map(({ fileName }) => fileName)).toContain('main.js');
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
});
