import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { invitedAddress, makeInvitation } from '../../../src/app/connect/invitations.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const anna = 'anna@contoso.com';

test('invitations that are made at the same time are all good: they have one key', async () => {
  const folder = temporaryFolder();
  const made = await Promise.all(Array.from({ length: 4 }, () => makeInvitation(folder, anna, 2000)));
  expect(await Promise.all(made.map((each) => invitedAddress(folder, each, 1000)))).toEqual(Array(4).fill(anna));
  expect(await invitedAddress(folder, made[0]!, 2000)).toBeUndefined();
  expect(statSync(join(folder, 'connect.key')).mode & 0o777).toBe(0o600);
});

test('a file in the place of the key that is none stays as it is', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'connect.key');
  writeFileSync(file, 'the key of something else', { mode: 0o600 });
  await expect(makeInvitation(folder, anna, 2000)).rejects.toMatchObject({ code: 'connect-key-invalid' });
  expect(readFileSync(file, 'utf8')).toBe('the key of something else');
});
