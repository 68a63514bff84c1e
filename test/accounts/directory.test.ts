import { expect, test } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { AccountDirectory, type AccountDirectoryOptions } from '../../src/accounts/directory.ts';
import { LoginThrottle } from '../../src/accounts/login-throttle.ts';
import { PasswordVerifier } from '../../src/accounts/password-verifier.ts';
import { TestClock } from './test-clock.ts';

function account(username: string, changes: Partial<Account> & { plain?: string } = {}): Account {
  const { plain = 'geheim', mailbox = `${username.toLowerCase()}@contoso.com`, ...rest } = changes;
  return {
    username,
    password: { reveal: () => plain },
    networks: [],
    connection: 'contoso',
    mailbox,
    mailboxes: [mailbox],
    mailboxFrom: 'fixed',
    send: ['graph'],
    delivery: 'queued',
    senders: [],
    ...rest,
  };
}

function directory(accounts: readonly Account[], options: AccountDirectoryOptions & { failures?: number } = {}) {
  const clock = new TestClock();
  const throttle = new LoginThrottle({ clock, failures: options.failures ?? 10 });
  return { clock, throttle, directory: new AccountDirectory(accounts, { clock, throttle, ...options }) };
}

const from = '192.0.2.1';

test("an account is found by its username, and by its mailbox where that is one account's alone", () => {
  const shared = { mailbox: 'reports@contoso.com' };
  const accounts = [
    account('Scanner'),
    account('erp', shared),
    account('cron', shared),
    account('boss@contoso.com', { mailbox: 'Scanner@Contoso.com' }),
  ];
  const one = new AccountDirectory(accounts);
  expect(one.find('SCANNER')?.username).toBe('Scanner');
  expect(one.find('Boss@contoso.com')?.username).toBe('boss@contoso.com');
  expect(one.find('reports@contoso.com')).toBeUndefined();
  expect(one.find('scanner@contoso.com')).toBeUndefined();
  expect(new AccountDirectory(accounts.slice(0, 2)).find('Scanner@CONTOSO.com')?.username).toBe('Scanner');
  expect(one.find('')).toBeUndefined();
});

test("a username comes before somebody else's mailbox of that name", () => {
  const one = new AccountDirectory([account('a', { mailbox: 'b@contoso.com' }), account('b@contoso.com')]);
  expect(one.find('b@contoso.com')?.username).toBe('b@contoso.com');
});

test('right password: in, by either name', async () => {
  const { directory: one } = directory([account('scanner')]);
  expect(await one.authenticate('Scanner', 'geheim', from)).toMatchObject({ login: { username: 'scanner' } });
  expect(await one.authenticate('scanner@contoso.com', 'geheim', from)).toMatchObject({
    login: { username: 'scanner' },
  });
});

test('wrong password, unknown user and an account without a password are refused alike', async () => {
  const { password: _, ...silent } = account('silent');
  const { directory: one } = directory([account('scanner'), silent]);
  for (const [name, password] of [
    ['scanner', 'falsch'],
    ['nobody', 'geheim'],
    ['silent', ''],
    ['silent', 'undefined'],
    ['', ''],
  ] as const) {
    expect(await one.authenticate(name, password, from)).toEqual({ failure: 'wrong' });
  }
});

test('refusals are held back longer each time; successes are not, and count for nothing', async () => {
  const { directory: one, clock } = directory([account('scanner')]);
  for (let guess = 0; guess < 4; guess++) {
    for (let login = 0; login < 20; login++) await one.authenticate('scanner', 'geheim', from);
    await one.authenticate('scanner', `guess ${guess}`, from);
  }
  expect(clock.delaysMs).toEqual([250, 500, 1000]);
  for (let login = 0; login < 50; login++) {
    expect(await one.authenticate('scanner', 'geheim', from)).toHaveProperty('login');
  }
});

test('too many guesses block an account at that address, for the right password too, and nowhere else', async () => {
  const { directory: one, clock } = directory([account('scanner'), account('erp')], { failures: 3 });
  for (let guess = 0; guess < 3; guess++) await one.authenticate('scanner', `guess ${guess}`, from);
  const blocked = { failure: 'blocked', retryAfterMs: 300_000, scope: 'address' };
  expect(await one.authenticate('scanner', 'geheim', from)).toEqual(blocked);
  expect(await one.authenticate('Scanner@contoso.com', 'geheim', from)).toEqual(blocked);
  expect(await one.authenticate('erp', 'geheim', from)).toHaveProperty('login');
  expect(await one.authenticate('scanner', 'geheim', '192.0.2.2')).toHaveProperty('login');
  clock.nowMs += 300_000;
  expect(await one.authenticate('scanner', 'geheim', from)).toHaveProperty('login');
});

test('where a guesser cannot be blocked, every answer waits', async () => {
  const { directory: one, clock } = directory([account('scanner')], { failures: 3 });
  await one.authenticate('scanner', 'geheim', from);
  for (let guess = 0; guess < 3; guess++) await one.authenticate('scanner', `guess ${guess}`, from);
  clock.delaysMs.length = 0;
  expect(await one.authenticate('scanner', 'geheim', from)).toHaveProperty('login');
  expect(clock.delaysMs).toEqual([500]);
});

test('a hundred guesses at once learn no more than the limit allows, even if one is right', async () => {
  const { directory: one } = directory([account('scanner')], {
    failures: 3,
    verifier: new PasswordVerifier({ maxWaitingPerAccount: 100 }),
  });
  const guesses = Array.from({ length: 12 }, (_, index) => one.authenticate('scanner', `guess ${index}`, from));
  const results = await Promise.all(guesses);
  expect(results.filter((result) => 'failure' in result && result.failure === 'wrong')).toHaveLength(3);
  expect(results.filter((result) => 'failure' in result && result.failure === 'blocked')).toHaveLength(9);
});

test('when too many verifications wait, the rest come again later, and it is not held against them', async () => {
  const verifier = new PasswordVerifier({ maxConcurrent: 0, maxWaiting: 0 });
  const { directory: one, throttle } = directory([account('scanner')], { verifier });
  expect(await one.authenticate('scanner', 'falsch', from)).toEqual({ failure: 'busy' });
  expect(throttle.size).toBe(0);
});

test('a reload hands verified passwords and failures on', async () => {
  const { throttle, clock, directory: first } = directory([account('scanner')], { failures: 2 });
  await first.authenticate('scanner', 'a', from);
  await first.authenticate('scanner', 'b', from);
  const second = new AccountDirectory([account('scanner')], { throttle, clock });
  expect(await second.authenticate('scanner', 'geheim', from)).toMatchObject({ failure: 'blocked' });
});

test('an address opens the account with the narrowest network, for sending alone', () => {
  const reader = account('reader', { networks: ['10.1.2.3'], read: 'imap' });
  const { send: _, ...readOnly } = reader;
  const one = new AccountDirectory([
    account('floor', { networks: ['10.0.0.0/8', 'fd00::/8'] }),
    account('room', { networks: ['10.1.0.0/16'] }),
    readOnly,
  ]);
  expect(one.byNetwork('10.9.9.9')?.username).toBe('floor');
  expect(one.byNetwork('::ffff:10.1.2.3')?.username).toBe('room');
  expect(one.byNetwork('fd00::1')?.username).toBe('floor');
  expect(one.byNetwork('192.0.2.1')).toBeUndefined();
});

test('accounts print without their passwords as long as what holds them does', async () => {
  const { Secret } = await import('../../src/config/secrets.ts');
  const one = account('scanner', { password: new Secret('geheim') });
  expect(JSON.stringify(new AccountDirectory([one]).accounts)).not.toContain('geheim');
  expect(await new AccountDirectory([one]).authenticate('scanner', 'geheim', from)).toHaveProperty('login');
});
