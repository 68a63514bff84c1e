import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The rooms that touch mailboxes through Graph. */
const rooms = ['app', 'couriers', 'graph', 'mailstores', 'onboarding/check'];

/** Code that writes flags, categories and names of folders, which Mail.ReadWrite allows. */
const patching = [
  'graph/client/client.ts',
  'mailstores/graph/append/append.ts',
  'mailstores/graph/changes.ts',
  'mailstores/graph/store.ts',
];

test('what a message says is never changed through Graph, so that Mail-Advanced.ReadWrite is never needed', () => {
  const root = new URL('../../src/', import.meta.url).pathname;
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true }).map((f) => join(room, String(f))),
  );
  const sources = files.filter((file) => file.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(50);
  expect(sources.filter((file) => /['"`]PATCH['"`]/.test(readFileSync(join(root, file), 'utf8'))).sort()).toEqual(
    patching,
  );
});
