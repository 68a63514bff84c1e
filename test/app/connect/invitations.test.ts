import { expect, test } from 'vitest';
import { Invitations } from '../../../src/app/connect/invitations.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { afterTest } from '../../simulator/harness.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const anna = 'anna@contoso.com';
const dayMs = 86_400_000;

async function opened() {
  const store = await openSqliteStore(temporaryFolder(), { exclusive: true });
  afterTest(() => store.close());
  const invitations = new Invitations(store.records);
  const make = async (address = anna, expiresAtMs = 2_000) => {
    const made = await invitations.make({ address, madeBy: 'admin token', expiresAtMs }, 1_000);
    noteSecret('user password', made.token);
    return made;
  };
  return { store, invitations, make };
}

test('an invitation lets its address in, in whatever case, and nobody else', async () => {
  const { invitations, make } = await opened();
  const { token } = await make('Anna@Contoso.com');
  expect(await invitations.isOpen(token, 'ANNA@contoso.com', 1_500)).toBe(true);
  expect(await invitations.isOpen(token, 'bob@contoso.com', 1_500)).toBe(false);
  for (const other of [
    '',
    token.slice(0, -1),
    `${token}x`,
    `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
  ]) {
    expect([other, await invitations.isOpen(other, anna, 1_500)]).toEqual([other, false]);
  }
});

test('it is good once, and until it is over', async () => {
  const { invitations, make } = await opened();
  const [first, second] = [await make(), await make()];
  expect(await invitations.use(first.token, anna, 1_500)).toBe(first.invitation.id);
  expect(await invitations.use(first.token, anna, 1_500)).toBeUndefined();
  expect(await invitations.use(second.token, anna, 2_000)).toBeUndefined();
  const listed = await invitations.list(2_000);
  expect(listed.find(({ id }) => id === first.invitation.id)?.usedAt).toBe(new Date(1_500).toISOString());
  expect(listed.find(({ id }) => id === second.invitation.id)?.usedAt).toBeUndefined();
});

test('used twice at the same time, it is good for one of them', async () => {
  const { invitations, make } = await opened();
  const { token, invitation } = await make();
  const used = await Promise.all(Array.from({ length: 5 }, () => invitations.use(token, anna, 1_500)));
  expect(used.filter((id) => id === invitation.id)).toHaveLength(1);
});

test('the store has no link that would open anything', async () => {
  const { store, make } = await opened();
  const { token } = await make();
  const [, secret = ''] = token.split('.');
  const kept = [...(await store.records.list('invitation', 1_000)).values()].map(({ value }) => value);
  expect(kept).toHaveLength(1);
  expect(kept.join()).not.toContain(secret);
});

test('one that is revoked lets nobody in, and is listed no more', async () => {
  const { invitations, make } = await opened();
  const { token, invitation } = await make();
  expect((await invitations.revoke(invitation.id, 1_500)).address).toBe(anna);
  expect(await invitations.isOpen(token, anna, 1_500)).toBe(false);
  expect(await invitations.list(1_500)).toEqual([]);
  await expect(invitations.revoke(invitation.id, 1_500)).rejects.toMatchObject({ code: 'connect-invitation-unknown' });
});

test('thirty days after its end nothing is left of it', async () => {
  const { invitations, make } = await opened();
  await make();
  expect(await invitations.list(2_000 + 30 * dayMs - 1)).toHaveLength(1);
  expect(await invitations.list(2_000 + 30 * dayMs)).toEqual([]);
});
