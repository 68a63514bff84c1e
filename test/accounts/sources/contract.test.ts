import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { PasswordProof } from '../../../src/accounts/password-proof.ts';
import type { PasswordSource } from '../../../src/accounts/password-source.ts';
import { PasswordVerifier } from '../../../src/accounts/password-verifier.ts';
import { hashPassword } from '../../../src/accounts/passwords.ts';
import { AppPasswordFile } from '../../../src/accounts/sources/app-passwords/files/store.ts';
import { AppPasswordRecords } from '../../../src/accounts/sources/app-passwords/records/store.ts';
import { AppPasswords } from '../../../src/accounts/sources/app-passwords/source.ts';
import { FilePasswords } from '../../../src/accounts/sources/file/source.ts';
import { LdapPasswords } from '../../../src/accounts/sources/ldap/source.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { noteSecret } from '../../support/secret-search/record.ts';
import { MemoryRecords } from '../../support/shared-records.ts';
import { hasSlapd, needSlapd, peopleDn, Slapd } from '../../support/slapd.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const alice = 'alice@contoso.com';
const shared = { clock: systemClock, log: silentLog };

interface Made {
  readonly source: PasswordSource;
  readonly password: string;
}

/** What each source must be in a test: with alice in it, and broken. */
interface Kind {
  need(context: TestContext): void;
  make(): Promise<Made>;
  makeBroken(): Promise<PasswordSource>;
}

let slapd: Slapd | undefined;
const ldapPassword = 'alice-in-the-directory';

beforeAll(async () => {
  if (hasSlapd()) slapd = await Slapd.start([{ uid: 'alice', password: ldapPassword }]);
});
afterAll(() => slapd?.stop());

const ldap = (url: string) =>
  new LdapPasswords({
    ...shared,
    verifier: new PasswordVerifier(),
    settings: {
      url,
      startTls: false,
      ca: slapd?.ca ?? '',
      person: { bindDn: `uid={local},${peopleDn}` },
      timeoutMs: 2_000,
      rememberMs: 60_000,
    },
  });

const kinds: Readonly<Record<string, Kind>> = {
  file: {
    need() {},
    async make() {
      const password = 'alice-in-the-file';
      const file = join(temporaryFolder(), 'passwords');
      writeFileSync(file, `# people\n\nAlice@Contoso.com:${await hashPassword(password)}\n`, { mode: 0o640 });
      return { source: new FilePasswords({ ...shared, verifier: new PasswordVerifier(), file }), password };
    },
    makeBroken: async () =>
      new FilePasswords({ ...shared, verifier: new PasswordVerifier(), file: join(temporaryFolder(), 'missing') }),
  },
  ldap: {
    need: needSlapd,
    make: async () => ({ source: ldap(slapd?.ldapsUrl ?? ''), password: ldapPassword }),
    // Nothing listens on port 1.
    makeBroken: async () => ldap('ldaps://localhost:1'),
  },
  'app passwords in a file': {
    need() {},
    async make() {
      const dataDir = temporaryFolder();
      const password = await new AppPasswordFile(dataDir).add(alice, 'phone', new Date());
      return { source: new AppPasswords({ ...shared, dataDir }), password };
    },
    async makeBroken() {
      const dataDir = temporaryFolder();
      writeFileSync(join(dataDir, 'app-passwords.json'), '{"version": 1, "passw', { mode: 0o600 });
      return new AppPasswords({ ...shared, dataDir });
    },
  },
  'app passwords in records': {
    need() {},
    async make() {
      const records = new MemoryRecords();
      const password = await new AppPasswordRecords(records).add(alice, 'phone', new Date());
      return { source: new AppPasswords({ ...shared, dataDir: 'nowhere', shared: records }), password };
    },
    async makeBroken() {
      const records = new MemoryRecords();
      records.failure = new Error('connect ECONNREFUSED 192.0.2.9:5432');
      return new AppPasswords({ ...shared, dataDir: 'nowhere', shared: records });
    },
  },
};

describe.each(Object.entries(kinds))('%s', (_, kind) => {
  const from = '192.0.2.1';

  test('the right password is right, each time', async (context) => {
    kind.need(context);
    const { source, password } = await kind.make();
    noteSecret('user password', password);
    for (let login = 0; login < 3; login++) {
      expect(await source.verify(alice, password, from)).toEqual({ verdict: 'right' });
    }
    expect(source.isUnavailable).toBe(false);
    await source.close();
  });

  test('another password, none, and another name are wrong, and not told apart', async (context) => {
    kind.need(context);
    const { source, password } = await kind.make();
    for (const [person, given] of [
      [alice, 'something-else'],
      [alice, ''],
      [alice, `${password} and more`],
      ['nobody@contoso.com', password],
      ['', password],
      ['__proto__', password],
    ] as const) {
      expect(await source.verify(person, given, from)).toEqual({ verdict: 'wrong' });
    }
    await source.close();
  });

  test('a proof cannot be checked, and the log is told so', async (context) => {
    kind.need(context);
    const { source } = await kind.make();
    const proof = new PasswordProof(Buffer.from('<1@bridge>'), 'a'.repeat(32));
    expect(await source.verify(alice, proof, from)).toEqual({ verdict: 'wrong', why: 'password-hashed' });
    await source.close();
  });

  test('what cannot be asked says so, with its code', async (context) => {
    kind.need(context);
    const source = await kind.makeBroken();
    const letters = 'abcd-efgh-jkmn-pqrs-tuvw-xyz2-3456';
    expect(await source.verify(alice, letters, from)).toMatchObject({
      verdict: 'unavailable',
      error: { code: expect.stringMatching(/-(?:unusable|unavailable)$/) },
    });
    expect(source.isUnavailable).toBe(true);
    await source.close();
  });

  test('it may be closed, and asked after that', async (context) => {
    kind.need(context);
    const { source, password } = await kind.make();
    await source.prepare();
    await source.close();
    expect(await source.verify(alice, password, from)).toEqual({ verdict: 'right' });
    await source.close();
  });
});
