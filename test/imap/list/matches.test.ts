import { describe, expect, it } from 'vitest';
import { subscribedNames } from '../../../src/imap/list/lsub.ts';
import { listedNames } from '../../../src/imap/list/matches.ts';
import type { FolderInfo } from '../../../src/mailbox/mail-store.ts';

const folder = (name: string, more: Partial<FolderInfo> = {}): FolderInfo => ({
  ...{ name, id: name, selectable: true, subscribed: false },
  ...more,
});

const folders = [
  folder('INBOX', { subscribed: true }),
  folder('a/b/c', { subscribed: true }),
  folder('a/b/d'),
  folder('gone', { subscribed: true, selectable: false }),
  folder('holder', { selectable: false }),
  folder('holder/in', { specialUse: '\\Sent' }),
];

const none = { subscribed: false, specialUse: false, recursive: false };

async function listed(pattern: string | string[], select: Partial<typeof none> = {}) {
  const request = { reference: '', patterns: [pattern].flat(), select: { ...none, ...select } };
  return (await listedNames(folders, '/', request)).map(({ name, exists, childInfo }) =>
    [name, ...(exists ? [] : ['missing']), ...(childInfo ? ['below'] : [])].join(' '),
  );
}

describe('a listing', () => {
  it('tells folders and what holds them, each once', async () => {
    expect(await listed('%')).toEqual(['INBOX', 'a missing', 'holder']);
    expect(await listed('a/%')).toEqual(['a/b missing']);
    expect(await listed('*')).toEqual(['INBOX', 'a/b/c', 'a/b/d', 'holder', 'holder/in']);
    expect(await listed(['I*', '*N*'])).toEqual(['INBOX']);
  });

  it('tells subscriptions, of folders that are gone too', async () => {
    expect(await listed('*', { subscribed: true })).toEqual(['INBOX', 'a/b/c', 'gone missing']);
  });

  it('tells for whose sake a parent is listed', async () => {
    expect(await listed('%', { subscribed: true, recursive: true })).toEqual([
      'INBOX',
      'a missing below',
      'gone missing',
    ]);
    expect(await listed('%', { specialUse: true, recursive: true })).toEqual(['holder below']);
    expect(await listed('a*', { subscribed: true, recursive: true })).toEqual(['a/b/c']);
  });
});

it('LSUB tells parents alone where a level ends', () => {
  expect(subscribedNames(folders, '/', '%')).toEqual([
    { name: 'INBOX', parentOnly: false },
    { name: 'a', parentOnly: true },
    { name: 'gone', parentOnly: false },
  ]);
  expect(subscribedNames(folders, '/', '*').map(({ name }) => name)).toEqual(['INBOX', 'a/b/c', 'gone']);
});
