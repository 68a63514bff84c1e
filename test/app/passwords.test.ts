import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PasswordVerifier } from '../../src/accounts/password-verifier.ts';
import { PasswordSources } from '../../src/app/passwords/sources.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Account, account, load, sample } from '../config/sample.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const { password: _, ...silent } = account;
const ldap = (changes: object = {}) => ({
  ldap: {
    url: 'ldaps://localhost:1',
    baseDn: 'o=x',
    searchBind: { dn: 'cn=s', password: 'search-it-1' },
    timeoutSeconds: 1,
    ...changes,
  },
});

async function opened(sources: PasswordSources, ...from: Account['passwordFrom'][]) {
  const accounts = from.map(
    (passwordFrom, at): Account => ({
      ...silent,
      username: `a${at}`,
      ...(passwordFrom === undefined ? { password: 'some-password-9' } : { passwordFrom }),
    }),
  );
  return await sources.of((await load(sample({ accounts }))).config);
}

function world() {
  const dataDir = temporaryFolder();
  const file = join(dataDir, 'people');
  writeFileSync(file, '# nobody\n', { mode: 0o600 });
  const shared = { verifier: new PasswordVerifier(), clock: systemClock, log: silentLog };
  return { file, sources: new PasswordSources({ dataDir, ...shared }) };
}

test('accounts of one place share their source, and a reload keeps what is the same', async () => {
  const { file, sources } = world();
  const first = await opened(sources, { file }, ldap(), undefined, { file }, 'app-passwords', ldap());
  expect(first.map((each) => each !== undefined)).toEqual([true, true, false, true, false, true]);
  expect(first[3]).toBe(first[0]);
  expect(first[5]).toBe(first[1]);
  const second = await opened(sources, ldap(), { file });
  expect(second).toEqual([first[1], first[0]]);
  await sources.close();
});

test.each([
  ['url', { url: 'ldaps://localhost:2' }],
  ['filter', { filter: '(uid={local})' }],
  ['password of the search', { searchBind: { dn: 'cn=s', password: 'search-it-2' } }],
  ['rememberMinutes', { rememberMinutes: 0 }],
])('another %s is another source: nothing that was verified before holds for it', async (_name, changes) => {
  const { sources } = world();
  const [first] = await opened(sources, ldap());
  const [second] = await opened(sources, ldap(changes));
  expect(second).toBeDefined();
  expect(second).not.toBe(first);
  await sources.close();
});

test('a caFile that cannot be read is an error with its code', async () => {
  const { sources } = world();
  await expect(opened(sources, ldap({ caFile: '/nowhere/ca.crt' }))).rejects.toMatchObject({
    code: 'tls-material-unreadable',
  });
});
