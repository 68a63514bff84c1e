import { expect, test } from 'vitest';
import { PackedPages } from '../../../src/admin/server/packed-pages.ts';
import type { ProgramPlace } from '../../../src/base/program/program-place.ts';

const files = new Map([
  ['pages/index.html', '<!doctype html>'],
  ['pages/main.js', 'start();'],
  ['pages/vendor/uplot/uPlot.min.css', '.u{}'],
  ['pages/notes.txt', 'not for browsers'],
]);

const place = {
  isPacked: true,
  read: (path: string) => Buffer.from(files.get(path) ?? ''),
  list: (folder: string) => [...files.keys()].filter((name) => name.startsWith(`${folder}/`)),
} as unknown as ProgramPlace;

test('files of the pages are given with their types, each with an ETag of its own', () => {
  const pages = new PackedPages(place);
  const [index, main] = [pages.get('index.html'), pages.get('main.js')];
  expect(index).toMatchObject({ type: 'text/html; charset=utf-8', content: Buffer.from('<!doctype html>') });
  expect(main?.type).toBe('text/javascript; charset=utf-8');
  expect(main?.etag).not.toBe(index?.etag);
  expect(pages.get('vendor/uplot/uPlot.min.css')?.type).toBe('text/css; charset=utf-8');
  expect(pages.get('main.js')).toBe(main);
});

test.each(['../package.json', 'notes.txt', 'other.js', '', 'main.js/', '/index.html', 'vendor/../index.html'])(
  '%j is not given',
  (path) => {
    expect(new PackedPages(place).get(path)).toBeUndefined();
  },
);
