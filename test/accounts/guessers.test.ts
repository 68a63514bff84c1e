import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { AccountDirectory, type AccountDirectoryOptions } from '../../src/accounts/directory.ts';
import { LoginThrottle } from '../../src/accounts/login-throttle.ts';
import { PasswordProof } from '../../src/accounts/password-proof.ts';
import { hashPassword } from '../../src/accounts/passwords.ts';
import { loginForSubmission } from '../../src/app/accounts.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Client } from '../../src/listeners/listener.ts';
import { authenticateReader } from '../../src/reading/authenticate.ts';
import { logIn, type ReadSessionOptions } from '../../src/reading/login.ts';
import type { SaslCredentials } from '../../src/sasl/server-exchange.ts';
import { TestClock } from './test-clock.ts';

/** The work done, one entry for each key derivation: its cost, and the lengths of salt and key. */
const derivations: unknown[] = [];

// The test checks who pays for a derivation and who waits for one: the real cost would only make it slow.
const { scrypt } = crypto;
crypto.scrypt = ((
  password: string,
  salt: Buffer,
  length: number,
  options: crypto.ScryptOptions,
  done: (error: Error | null, key: Buffer) => void,
) => {
  derivations.push({ saltBytes: salt.length, length, ...options });
  const key = crypto.createHash('sha256').update(salt).update(password).digest().subarray(0, length);
  setImmediate(() => done(null, key));
}) as typeof scrypt;
syncBuiltinESMExports();

afterAll(() => {
  crypto.scrypt = scrypt;
  syncBuiltinESMExports();
});

beforeEach(() => {
  derivations.length = 0;
});

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

test('a hundred devices and one guesser live behind one address', async () => {
  const devices = Array.from({ length: 100 }, (_, index) => account(`device${index}`, { plain: `secret ${index}` }));
  const { directory: one, clock } = directory(devices);
  const everybody = async () => {
    for (const [index, { username }] of devices.entries()) {
      expect(await one.authenticate(username, `secret ${index}`, from)).toHaveProperty('login');
    }
  };
  await everybody();
  // For one of them, for all of them, and for unknown names, until nothing is checked any more.
  for (let guess = 0; guess < 12; guess++) await one.authenticate('device7', `guess ${guess}`, from);
  for (let guess = 0; guess < 110; guess++) await one.authenticate(`nobody${guess}`, 'guess', from);
  expect(await one.authenticate('another', 'guess', from)).toMatchObject({ failure: 'blocked', scope: 'address' });
  await everybody();
  clock.nowMs += 6 * 24 * 60 * 60 * 1000;
  await everybody();
});

test('many addresses that guess at one account block it where it is not known, and not where it is', async () => {
  const clock = new TestClock();
  const throttle = new LoginThrottle({ clock, failures: 3, failuresPerAccount: 20 });
  const accounts = [account('scanner', { networks: ['198.51.100.0/24'] }), account('erp')];
  const one = new AccountDirectory(accounts, { clock, throttle });
  expect(await one.authenticate('scanner', 'geheim', from)).toHaveProperty('login');
  for (let address = 1; address <= 10; address++) {
    for (const guess of ['a', 'b']) await one.authenticate('scanner', `${guess} ${address}`, `203.0.113.${address}`);
  }
  expect(await one.authenticate('scanner', 'geheim', '192.0.2.99')).toMatchObject({
    failure: 'blocked',
    scope: 'account',
  });
  expect(await one.authenticate('scanner', 'geheim', from)).toHaveProperty('login');
  expect(await one.authenticate('scanner', 'geheim', '198.51.100.7')).toHaveProperty('login');
  expect(await one.authenticate('erp', 'geheim', '192.0.2.99')).toHaveProperty('login');
});

test('names that nobody has are blocked as those of accounts are', async () => {
  const { directory: one } = directory([account('scanner')], { failures: 2 });
  const answers = async (name: string) => {
    const address = `192.0.2.${name.length}`;
    const results: unknown[] = [];
    for (const guess of ['a', 'b', 'c']) results.push(await one.authenticate(name, guess, address));
    return results;
  };
  expect(await answers('nobody')).toEqual(await answers('scanner'));
});

test('eighty who guess at once keep nobody else from logging in, from their address or another', async () => {
  const hash = await hashPassword('geheim');
  const names = Array.from({ length: 24 }, (_, index) => `new${index}`);
  const { directory: one } = directory([account('scanner'), ...names.map((name) => account(name, { plain: hash }))]);
  const guessers = Array.from({ length: 80 }, (_, index) => one.authenticate('scanner', `guess ${index}`, from));
  const logins = names.map((name, index) => one.authenticate(name, 'geheim', index % 2 === 0 ? from : '192.0.2.9'));
  for (const result of await Promise.all(logins)) expect(result).toHaveProperty('login');
  const refused = await Promise.all(guessers);
  expect(refused.filter((result) => 'failure' in result && result.failure === 'busy').length).toBeGreaterThan(70);
});

describe('every refusal costs the same work', async () => {
  const one = { saltBytes: 16, length: 32, N: 32_768, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };
  const hash = await hashPassword('geheim');
  const { password: _, ...silent } = account('silent', { networks: ['198.51.100.1'] });
  const { send: _send, ...reader } = account('reader', { plain: hash, read: 'imap' });
  const accounts = [
    account('plain', { read: 'imap' }),
    account('hashed', { plain: hash, read: 'imap' }),
    silent,
    reader,
  ];
  const damaged = account('damaged', { plain: '$scrypt$damaged' });
  const proof = () => new PasswordProof(Buffer.from('<1@x>'), '0'.repeat(32));

  test.each([
    ['an unknown user', 'nobody', 'geheim'],
    ['a wrong password', 'plain', 'falsch'],
    ['a wrong password for a hash', 'hashed', 'falsch'],
    ['an account without a password', 'silent', ''],
    ['a hash that cannot be read', 'damaged', 'geheim'],
    ['CRAM-MD5 of an unknown user', 'nobody', proof()],
    ['CRAM-MD5 with a wrong password', 'plain', proof()],
    ['CRAM-MD5 for a hash', 'hashed', proof()],
    ['CRAM-MD5 for an account without a password', 'silent', proof()],
  ])('%s', async (_name, username, given) => {
    const { directory: all } = directory([...accounts, damaged]);
    expect(await all.authenticate(username, given, from)).toMatchObject({ failure: 'wrong' });
    expect(derivations).toEqual([one]);
  });

  const readBy = (protocol: 'imap' | 'pop3', username: string, password: string) => {
    const { directory: all } = directory(accounts);
    const options = {
      log: silentLog,
      authenticate: (credentials: SaslCredentials, address: string) =>
        authenticateReader(all, credentials, address, 'imap'),
    } as Partial<ReadSessionOptions> as ReadSessionOptions;
    const connection = { id: 'x', remoteAddress: from } as Partial<Client> as Client;
    return logIn(options, connection, protocol, { mechanism: 'PLAIN', username, password });
  };
  const sendBy = (username: string, password: string) =>
    loginForSubmission(directory(accounts).directory, silentLog, { mechanism: 'PLAIN', username, password }, from);

  test.each(['nobody', 'plain', 'hashed', 'silent', 'reader'])('by each protocol, %s', async (username) => {
    // Those that may not use the protocol included: only clients with the right password are told so.
    await expect(readBy('imap', username, 'falsch')).rejects.toMatchObject({
      message: 'Username or password is wrong.',
    });
    await expect(readBy('pop3', username, 'falsch')).rejects.toMatchObject({ refusal: 'wrong' });
    await expect(sendBy(username, 'falsch')).rejects.toMatchObject({ status: 535, enhanced: '5.7.8' });
    expect(derivations).toEqual([one, one, one]);
  });
});
