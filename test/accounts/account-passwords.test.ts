import { expect, test } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { AccountDirectory } from '../../src/accounts/directory.ts';
import { LoginThrottle } from '../../src/accounts/login-throttle.ts';
import type { PasswordSource, SourceVerdict } from '../../src/accounts/password-source.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { TestClock } from './test-clock.ts';

const from = '192.0.2.1';

/** A source with one password for everybody, which can break. */
class OneForAll implements PasswordSource {
  isUnavailable = false;
  readonly leastRefusalMs: number;
  readonly asked: string[] = [];
  readonly #password: string;

  constructor(password: string, leastRefusalMs = 0) {
    this.#password = password;
    this.leastRefusalMs = leastRefusalMs;
  }

  async verify(person: string, given: unknown): Promise<SourceVerdict> {
    this.asked.push(person);
    if (this.isUnavailable) return { verdict: 'unavailable', error: new BridgeError('ldap-unavailable', 'gone') };
    return { verdict: given === this.#password ? 'right' : 'wrong' };
  }

  async prepare(): Promise<void> {}
  async close(): Promise<void> {}
}

function account(username: string, more: Partial<Account> = {}): Account {
  const mailboxes = username.startsWith('*') ? [] : [`${username}@contoso.com`];
  const fixed = {
    networks: [],
    connection: 'contoso',
    mailboxFrom: 'fixed',
    send: ['graph'],
    delivery: 'queued',
  } as const;
  return { ...fixed, username, mailboxes, senders: mailboxes, ...more };
}

function world({ leastRefusalMs = 0 } = {}) {
  const clock = new TestClock();
  const ldap = new OneForAll('in-the-directory', leastRefusalMs);
  const appPasswords = new OneForAll('made-for-the-app');
  const accounts = [
    account('plain', { password: { reveal: () => 'in-the-config' } }),
    account('*@contoso.com', { passwordSource: ldap }),
    account('printer', { networks: ['198.51.100.7'] }),
  ];
  const throttle = new LoginThrottle({ clock, failures: 3 });
  const directory = new AccountDirectory(accounts, { clock, throttle, appPasswords });
  const login = (username: string, password: string) => directory.authenticate(username, password, from);
  return { clock, ldap, appPasswords, login };
}

test('each account takes its own password or source, and app passwords', async () => {
  const { login, ldap } = world();
  for (const [username, password] of [
    ['plain', 'in-the-config'],
    ['plain', 'made-for-the-app'],
    ['Anna@Contoso.com', 'in-the-directory'],
    ['anna@contoso.com', 'made-for-the-app'],
    ['printer', 'made-for-the-app'],
  ] as const) {
    expect(await login(username, password)).toHaveProperty('login');
  }
  expect(ldap.asked).toEqual(['anna@contoso.com']);
  for (const [username, password] of [
    ['plain', 'in-the-directory'],
    ['anna@contoso.com', 'in-the-config'],
    ['printer', 'in-the-directory'],
    ['nobody', 'made-for-the-app'],
    ['nobody', 'in-the-directory'],
  ] as const) {
    expect(await login(username, password)).toEqual({ failure: 'wrong' });
  }
});

test('what could not be checked counts as no failure', async () => {
  const { login, ldap } = world();
  ldap.isUnavailable = true;
  for (let at = 0; at < 10; at++) {
    expect(await login('anna@contoso.com', `password ${at}`)).toMatchObject({ failure: 'unavailable' });
  }
  ldap.isUnavailable = false;
  expect(await login('anna@contoso.com', 'in-the-directory')).toHaveProperty('login');
});

test('while a source is unavailable nobody is told that a password is wrong, and guesses count nevertheless', async () => {
  const { login, ldap, clock } = world();
  ldap.isUnavailable = true;
  expect(await login('plain', 'in-the-config')).toHaveProperty('login');
  expect(await login('anna@contoso.com', 'made-for-the-app')).toHaveProperty('login');
  for (const name of ['nobody', 'printer']) {
    expect(await login(name, 'some-password')).toEqual({ failure: 'unavailable' });
    for (let at = 0; at < 2; at++) await login(name, `guess ${at}`);
    expect(await login(name, 'some-password')).toMatchObject({ failure: 'blocked' });
  }
  clock.nowMs += 300_001;
  ldap.isUnavailable = false;
  expect(await login('nobody', 'some-password')).toEqual({ failure: 'wrong' });
});

test('where a source answers sooner for nobody, every refusal takes a while, of other accounts too', async () => {
  const { login, clock } = world({ leastRefusalMs: 250 });
  for (const name of ['anna@contoso.com', 'plain', 'nobody', 'printer']) {
    clock.delaysMs.length = 0;
    await login(name, 'some-password');
    expect(clock.delaysMs).toEqual([250]);
  }
  clock.delaysMs.length = 0;
  await login('plain', 'in-the-config');
  expect(clock.delaysMs).toEqual([]);
});
