import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Invitations } from '../../../src/app/connect/invitations.ts';
import { openSqliteStore } from '../../../src/queue/stores/sqlite/store.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { mailbridge } from '../harness.ts';

const anna = 'anna@contoso.com';

interface Made {
  readonly id: string;
  readonly url: string;
}

/** A configuration in which people connect their own mailboxes, and the queue of a bridge that has run. */
async function configured({ publicUrl = 'https://mailbridge.contoso.com', hasRun = true, connects = true } = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const people = { grant: 'device-code', signIns: 'each' };
  const config = {
    listeners: [{ protocol: 'smtp', port: 0 }],
    connections: {
      people: { ...people, tenantId: 'contoso.example', clientId: '00000000-0000-0000-0000-000000000001' },
    },
    accounts: [{ username: '*@contoso.com', passwordFrom: 'app-passwords', connection: 'people', send: 'smtp' }],
    admin: { port: 8025, ...(publicUrl && { publicUrl }), ...(connects && { connect: { connection: 'people' } }) },
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  if (hasRun) await openSqliteStore(join(folder, 'data/queue'), { exclusive: true }).close();
  const account = async (...args: string[]) => {
    const ran = await mailbridge(['account', ...args, '--config', file]);
    for (const [, secret = ''] of ran.out.matchAll(/invitation=[^.]+\.([\w-]+)/g)) noteSecret('user password', secret);
    return ran;
  };
  return { folder, account };
}

test('invite prints the link alone, and once', async () => {
  const { account } = await configured();
  const made = await account('invite', 'Anna@contoso.com', '--days', '3');
  expect(made.out).toMatch(/^https:\/\/mailbridge\.contoso\.com\/connect#invitation=[0-9a-f]{12}\.[\w-]{32}\n$/);
  expect(made.err).toMatch(
    /^✓ Invitation [0-9a-f]{12} for anna@contoso\.com, valid once and until .*\. The link is shown only this once\.\n$/,
  );
  const listed = await account('invitations');
  expect(listed.out).toMatch(
    /^ID +ADDRESS +STATE +UNTIL +MADE BY\n[0-9a-f]{12} +anna@contoso\.com +open +\S.* +mailbridge account invite\n\n1 invitation; /,
  );
  expect(listed.out).not.toContain(made.out.split('.').at(-1)?.trim());
});

test('the link lets its address in, as a bridge on the same queue sees it', async () => {
  const { folder, account } = await configured();
  const { id, url } = JSON.parse((await account('invite', anna, '--json')).out) as Made;
  const store = openSqliteStore(join(folder, 'data/queue'), { exclusive: true });
  const token = url.split('invitation=')[1] ?? '';
  expect(await new Invitations(store.records).use(token, anna, Date.now())).toBe(id);
  await store.close();
  expect((await account('invitations')).out).toMatch(/ used \d\d:\d\d /);
});

test('revoke ends one, by its id', async () => {
  const { account } = await configured();
  const { id } = JSON.parse((await account('invite', anna, '--json')).out) as Made;
  expect((await account('revoke', id)).out).toBe(`✓ The invitation ${id} for ${anna} is revoked.\n`);
  expect((await account('invitations', '--json')).out).toBe('[]\n');
  expect(await account('revoke', id)).toMatchObject({ code: 2, err: expect.stringContaining('account invitations') });
});

test('nobody is invited whom no account serves, nor without admin.connect', async () => {
  const { account } = await configured();
  const refused = await account('invite', 'anna@fabrikam.com');
  expect(refused).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringContaining('No account serves anna@fabrikam.com'),
  });
  const other = await configured({ connects: false });
  expect(await other.account('invite', anna)).toMatchObject({
    code: 2,
    err: expect.stringContaining('The configuration has no admin.connect'),
  });
});

test('a link that only this machine reaches is told so', async () => {
  const { account } = await configured({ publicUrl: '' });
  const made = await account('invite', anna);
  expect(made.out).toMatch(/^http:\/\/127\.0\.0\.1:8025\/connect#/);
  expect(made.err).toContain('! Only this machine reaches the link: set admin.publicUrl');
});

test('before the first start there is nothing to keep one in', async () => {
  const { account } = await configured({ hasRun: false });
  expect((await account('invitations')).out).toBe('no invitations\n');
  expect(await account('invite', anna)).toMatchObject({ code: 2, err: expect.stringContaining('Start the bridge') });
});

test.each([
  [['invite'], '"account invite" needs an address.'],
  [['revoke'], '"account revoke" needs the id of an invitation.'],
  [['invite', anna, '--days', '91'], '--days needs a whole number from 1 to 90'],
  [['invite', anna, '--name', 'x'], '"account invite" has no --name.'],
  [['invitations', '--days', '3'], '"account invitations" has no --days.'],
  [['list', '--days', '3'], '"account list" has no --days.'],
])('what does not fit is refused: %j', async (args, problem) => {
  const { account } = await configured();
  expect(await account(...args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(problem) });
});
