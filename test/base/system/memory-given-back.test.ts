import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const given = fileURLToPath(new URL('../../../src/base/system/memory-given-back.ts', import.meta.url));

const program = `
  import { getHeapStatistics } from 'node:v8';
  import { giveMemoryBackSoon } from ${JSON.stringify(given)};
  let garbage = Array.from({ length: 200_000 }, (_, n) => ({ n }));
  garbage = undefined;
  const before = getHeapStatistics().used_heap_size;
  giveMemoryBackSoon();
  setTimeout(() => console.log(JSON.stringify([before, getHeapStatistics().used_heap_size, typeof gc])), 3_000);
`;

test('what a start has left is given back, and the program still has no gc()', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const [before, after, kind] = JSON.parse(stdout) as [number, number, string];
  expect(before - after).toBeGreaterThan(4_000_000);
  expect(kind).toBe('undefined');
});
