import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { PasswordVerifier } from '../../../../src/accounts/password-verifier.ts';
import { checkLdap } from '../../../../src/accounts/sources/ldap/check.ts';
import type { LdapSettings } from '../../../../src/accounts/sources/ldap/settings.ts';
import { LdapPasswords } from '../../../../src/accounts/sources/ldap/source.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { type Log, silentLog } from '../../../../src/base/log.ts';
import {
  baseDn,
  groupDn,
  hasSlapd,
  needSlapd,
  peopleDn,
  Slapd,
  searcherDn,
  searcherPassword,
} from '../../../support/slapd.ts';

const people = [
  { uid: 'alice', password: 'alice-in-the-directory', mail: 'alice@contoso.com', isInGroup: true },
  { uid: 'bob', password: 'bob-in-the-directory', mail: 'bob@contoso.com' },
  { uid: 'twin', password: 'the-same-address', mail: 'twins@contoso.com' },
  { uid: 'twin2', password: 'the-same-address', mail: 'twins@contoso.com' },
  { uid: 'müller', password: 'umlaut-in-the-name', rdn: 'uid=müller' },
  { uid: 'a,b+c', password: 'separators-in-the-name', rdn: 'uid=a\\,b\\+c' },
  { uid: '#sharp', password: 'sharp-in-the-name', rdn: 'uid=\\#sharp' },
  { uid: 'back\\slash', password: 'backslash-in-the-name', rdn: 'uid=back\\\\slash' },
  { uid: 'paren)(uid=*', password: 'parens-in-the-name', rdn: 'uid=paren)(uid\\=*' },
  { uid: 'external', password: 'named-as-a-mechanism', rdn: 'uid=external' },
];

let slapd: Slapd;
const sources: LdapPasswords[] = [];

beforeAll(async () => {
  if (hasSlapd()) slapd = await Slapd.start(people);
});
beforeEach((context) => {
  needSlapd(context);
  slapd.clearLog();
});
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
});
afterAll(() => slapd?.stop());

const search = { baseDn, searchBind: { dn: searcherDn, password: { reveal: () => searcherPassword } } };
const byMail = '(&(objectClass=person)(|(mail={username})(userPrincipalName={username})))';

function settings(changes: Partial<LdapSettings> = {}): LdapSettings {
  return {
    url: slapd.ldapsUrl,
    startTls: false,
    ca: slapd.ca,
    person: { ...search, filter: byMail },
    timeoutMs: 5_000,
    rememberMs: 600_000,
    ...changes,
  };
}

function source(changes: Partial<LdapSettings> = {}, log: Log = silentLog): LdapPasswords {
  const one = new LdapPasswords({
    settings: settings(changes),
    verifier: new PasswordVerifier(),
    clock: systemClock,
    log,
  });
  sources.push(one);
  return one;
}

const verdict = async (one: LdapPasswords, person: string, password: string) =>
  (await one.verify(person, password, '192.0.2.1')).verdict;
const uid = { ...search, filter: '(uid={username})' };

test('by a search: the right password is right, once asked', async () => {
  const one = source();
  expect(await verdict(one, 'alice@contoso.com', 'alice-in-the-directory')).toBe('right');
  expect(await verdict(one, 'alice@contoso.com', 'alice-in-the-directory')).toBe('right');
  expect(slapd.operations('BIND').filter((line) => line.includes('uid=alice'))).toHaveLength(1);
});

test.each([
  ['ldaps', {}],
  ['StartTLS', { startTls: true }],
])('over %s: right and wrong', async (how, changes) => {
  const one = source({ ...changes, ...(how === 'StartTLS' && { url: slapd.ldapUrl }) });
  expect(await verdict(one, 'alice@contoso.com', 'alice-in-the-directory')).toBe('right');
  expect(await verdict(one, 'alice@contoso.com', 'bob-in-the-directory')).toBe('wrong');
  expect(slapd.log()).toContain('TLS established');
  expect(slapd.log().includes('STARTTLS')).toBe(how === 'StartTLS');
});

test('nobody and a wrong password cost one search and one bind each', async () => {
  const one = source();
  // The connections, and the bind of the search, already exist.
  await verdict(one, 'bob@contoso.com', 'bob-in-the-directory');
  const counts: unknown[] = [];
  for (const [person, password] of [
    ['alice@contoso.com', 'not-her-password'],
    ['nobody@contoso.com', 'not-her-password'],
    ['twins@contoso.com', 'the-same-address'],
    ['alice@contoso.com', ''],
    ['nobody@contoso.com', ''],
    ['*', 'alice-in-the-directory'],
    ['alice@contoso.com\0', 'alice-in-the-directory'],
  ] as const) {
    slapd.clearLog();
    expect(await verdict(one, person, password)).toBe('wrong');
    counts.push([slapd.operations('SRCH').length, slapd.operations('BIND').length]);
  }
  expect(counts).toEqual(Array.from({ length: 7 }, () => [1, 1]));
});

test('nobody and a wrong password cost one bind each where nobody is searched', async () => {
  const one = source({ person: { bindDn: `uid={local},${peopleDn}` } });
  expect(await verdict(one, 'bob@contoso.com', 'bob-in-the-directory')).toBe('right');
  for (const person of ['alice@contoso.com', 'nobody@contoso.com', ' alice@contoso.com', '']) {
    slapd.clearLog();
    expect(await verdict(one, person, 'not-her-password')).toBe('wrong');
    expect([slapd.operations('SRCH').length, slapd.operations('BIND').length]).toEqual([0, 1]);
  }
});

test.each([
  '*',
  '*)(uid=*',
  'alice)(|(uid=*',
  'al*',
  '\\2a',
  'alice\0',
  '(uid=alice)',
  'ali\u200dce',
  'ａｌｉｃｅ',
  ' alice',
])('a name is a value in a filter, whatever is in it: %j is nobody', async (person) => {
  const one = source({ person: uid });
  expect(await verdict(one, person, 'alice-in-the-directory')).toBe('wrong');
  expect(await verdict(one, 'alice', 'alice-in-the-directory')).toBe('right');
});

test.each([
  'alice,ou=people',
  'bob+uid=alice',
  'alice\0',
  `alice,${peopleDn}`,
  '#616c696365',
  '\\61lice',
  ' alice',
  'alice ',
])('a name is a value in a DN, whatever is in it: %j is nobody', async (person) => {
  const one = source({ person: { bindDn: `uid={username},${peopleDn}` } });
  expect(await verdict(one, person, 'alice-in-the-directory')).toBe('wrong');
  expect(await verdict(one, 'alice', 'alice-in-the-directory')).toBe('right');
});

test.each(people.slice(4))('$uid logs in, by a search and by a bind', async ({ uid: person, password }) => {
  expect(await verdict(source({ person: uid }), person, password)).toBe('right');
  expect(await verdict(source({ person: { bindDn: `uid={username},${peopleDn}` } }), person, password)).toBe('right');
});

test('an empty password is nobody’s, though the server would take it', async () => {
  for (const person of [uid, { bindDn: `uid={username},${peopleDn}` }]) {
    expect(await verdict(source({ person }), 'alice', '')).toBe('wrong');
  }
});

test('the members of a group, by the filter', async () => {
  const one = source({ person: { ...search, filter: `(&(mail={username})(memberOf=${groupDn}))` } });
  expect(await verdict(one, 'alice@contoso.com', 'alice-in-the-directory')).toBe('right');
  expect(await verdict(one, 'bob@contoso.com', 'bob-in-the-directory')).toBe('wrong');
});

test('a new password works at once, and ends the old one', async () => {
  const one = source();
  expect(await verdict(one, 'bob@contoso.com', 'bob-in-the-directory')).toBe('right');
  await slapd.setPassword('bob', 'bob-has-a-new-one');
  // Still remembered: the server sends no notice.
  expect(await verdict(one, 'bob@contoso.com', 'bob-in-the-directory')).toBe('right');
  expect(await verdict(one, 'bob@contoso.com', 'bob-has-a-new-one')).toBe('right');
  expect(await verdict(one, 'bob@contoso.com', 'bob-in-the-directory')).toBe('wrong');
  await slapd.setPassword('bob', 'bob-in-the-directory');
});

test('with rememberMinutes 0 each login asks', async () => {
  const one = source({ rememberMs: 0 });
  for (let login = 0; login < 3; login++) await verdict(one, 'alice@contoso.com', 'alice-in-the-directory');
  expect(slapd.operations('BIND').filter((line) => line.includes('uid=alice'))).toHaveLength(3);
});

test('sixty logins at once use eight connections', async () => {
  const one = source({ rememberMs: 0, person: { bindDn: `uid={local},${peopleDn}` } });
  const logins = Array.from({ length: 60 }, (_, at) =>
    one.verify('alice@contoso.com', `guess ${at}`, `192.0.2.${at % 20}`),
  );
  const verdicts = (await Promise.all(logins)).map(({ verdict: each }) => each);
  expect(verdicts).toEqual(Array.from({ length: 60 }, () => 'wrong'));
  expect(slapd.log().match(/ACCEPT from/g)).toHaveLength(8);
});

test('of one account from one address no more than a few wait: the others are told to come again', async () => {
  const one = source({ rememberMs: 0 });
  const logins = Array.from({ length: 30 }, (_, at) => one.verify('alice@contoso.com', `guess ${at}`, '192.0.2.1'));
  const verdicts = (await Promise.all(logins)).map(({ verdict: each }) => each);
  expect(verdicts.filter((each) => each === 'wrong')).toHaveLength(8 + 4);
  expect(verdicts.filter((each) => each === 'busy')).toHaveLength(30 - 12);
});

test('check: what works, and what does not, with what to do', async () => {
  expect(await checkLdap(settings(), systemClock)).toEqual({
    detail: `answers over TLSv1.3, searches in ${baseDn}`,
  });
  const direct = { bindDn: `uid={local},${peopleDn}` };
  expect((await checkLdap(settings({ person: direct }), systemClock)).detail).toContain('binds as uid={local}');
  const clear = settings({ url: slapd.ldapUrl, ca: '' });
  expect((await checkLdap(clear, systemClock)).detail).toContain('without TLS');
});

test('check: a person who is named has to be found', async () => {
  const found = await checkLdap(settings(), systemClock, ['alice@contoso.com']);
  expect(found.detail).toContain(`searches in ${baseDn}`);
  const mistyped = settings({ person: { ...search, filter: '(mial={username})' } });
  await expect(checkLdap(mistyped, systemClock)).resolves.toBeDefined();
  await expect(checkLdap(mistyped, systemClock, ['alice@contoso.com'])).rejects.toMatchObject({
    code: 'ldap-refused',
    message: `${slapd.ldapsUrl} does not find alice@contoso.com, or finds several: by the filter (mial={username}) in ${baseDn}.`,
    remedy: expect.stringMatching(/^Correct filter and baseDn/),
  });
});

test.each([
  [
    'a wrong password of the search',
    () => ({ person: { ...search, searchBind: wrongSearcher, filter: byMail } }),
    /bind as uid=searcher.*InvalidCredentials/,
  ],
  [
    'a base that is not there',
    () => ({ person: { ...search, baseDn: 'dc=elsewhere', filter: byMail } }),
    /search in dc=elsewhere/,
  ],
  ['an authority that is not known', () => ({ ca: undefined }), /certificate .* is not accepted/],
  [
    'a name that the certificate does not bear',
    () => ({ url: `ldaps://[::ffff:127.0.0.1]:${slapd.port + 1}` }),
    /certificate .* is not accepted/,
  ],
  [
    'a user principal name for what is not Active Directory',
    () => ({ person: { bindDn: '{username}' } }),
    /cannot read names/,
  ],
])('check: %s', async (_, changes, text) => {
  const { ca, ...rest } = settings();
  const { ca: other = ca, ...given } = changes() as Partial<LdapSettings>;
  const wanted = { ...rest, ...('ca' in changes() ? {} : { ca: other }), ...given } as LdapSettings;
  await expect(checkLdap(wanted, systemClock)).rejects.toMatchObject({
    code: expect.stringMatching(/^ldap-/),
    message: expect.stringMatching(text),
    remedy: expect.any(String),
  });
});

const wrongSearcher = { dn: searcherDn, password: { reveal: () => 'no-longer-its-password' } };
