import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { openAppPasswords } from '../../src/accounts/sources/app-passwords/open.ts';
import { LogTail } from '../../src/admin/api/log/log-tail.ts';
import { startBridge } from '../../src/app/bridge.ts';
import { makeConnectPassword } from '../../src/app/connect/connect-passwords.ts';
import { checkedPasswords } from '../../src/app/passwords/checked.ts';
import { systemClock } from '../../src/base/clock.ts';
import { openLog } from '../../src/base/log.ts';
import { loadConfig } from '../../src/config/load.ts';
import { mailbridge } from '../cli/harness.ts';
import { afterTest } from '../simulator/harness.ts';
import { until } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const anna = 'anna@contoso.com';
const everybody = { username: '*@contoso.com', passwordFrom: 'app-passwords' };
const ofAnna = { username: anna, password: 'of-anna-herself-1', mailboxes: ['board@contoso.com', 'sales@contoso.com'] };

/** A configuration in its own folder. */
function configured() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  const write = (...accounts: object[]) => {
    const clientId = '00000000-0000-0000-0000-000000000001';
    const contoso = {
      tenantId: 'contoso.com',
      clientId,
      grant: 'client-credentials',
      clientSecret: 'of-the-app-8Q~4711',
    };
    const config = {
      listeners: [{ protocol: 'smtp', port: 0 }],
      connections: { contoso },
      accounts: accounts.map((account) => ({ connection: 'contoso', send: 'graph', ...account })),
    };
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  };
  const run = async (...args: string[]) => {
    const ran = await mailbridge([...args, '--config', file]);
    for (const [secret] of ran.out.matchAll(/(?:[a-z2-9]{4}-){6}[a-z2-9]{4}/g)) noteSecret('user password', secret);
    return ran;
  };
  return { file, write, run, store: openAppPasswords(join(folder, 'data'), undefined) };
}

const crossed =
  '2 app passwords of anna@contoso.com ("connect 2026-01-05T08:00:00", "phone") were made for the account *@contoso.com, and open the account anna@contoso.com now (board@contoso.com, sales@contoso.com): end them with mailbridge account remove anna@contoso.com --name "connect 2026-01-05T08:00:00", or, if that is intended, replace them with account rotate';

async function withPasswordsOfAnna() {
  const world = configured();
  world.write(everybody);
  await makeConnectPassword(world.store, anna, new Date('2026-01-05T08:00:00Z'), '*@contoso.com');
  await world.run('account', 'add', anna, '--name', 'phone');
  await world.run('account', 'add', 'bob@contoso.com', '--name', 'phone');
  return world;
}

test('config check tells of app passwords that open another account since the configuration has changed', async () => {
  const { write, run } = await withPasswordsOfAnna();
  expect((await run('config', 'check')).err).toBe('');
  write(everybody, ofAnna);
  const checked = await run('config', 'check');
  expect(checked).toMatchObject({ code: 0, err: expect.stringContaining(crossed) });
  expect(checked.err).not.toContain('bob@');
  expect(JSON.parse((await run('config', 'check', '--json')).out).warnings).toContain(crossed);
  expect((await run('account', 'list')).out.replaceAll(/\s+/g, ' ')).toContain(crossed);
});

test('check has it as a warning of the app passwords', async () => {
  const { file, write } = await withPasswordsOfAnna();
  const found = async () => {
    const { config } = await loadConfig(file, { env: {} });
    return await checkedPasswords(config, systemClock)
      .find(({ target }) => target === 'app passwords')
      ?.check();
  };
  expect(await found()).toEqual({ detail: '3 of 2 logins' });
  write(everybody, ofAnna);
  expect(await found()).toEqual({ detail: '3 of 2 logins', warning: crossed });
});

test('what it says to do ends it', async () => {
  const { write, run } = await withPasswordsOfAnna();
  write(everybody, ofAnna);
  await run('account', 'rotate', anna, '--name', 'phone');
  const left = (await run('config', 'check')).err;
  expect(left).toContain('an app password of anna@contoso.com ("connect 2026-01-05T08:00:00") was made for');
  await run('account', 'remove', anna, '--name', 'connect 2026-01-05T08:00:00');
  expect((await run('config', 'check')).err).toBe('');
});

test('the other way round too: a device of an account that is gone opens the mailbox of a person', async () => {
  const { write, run } = configured();
  write(everybody, ofAnna);
  await run('account', 'add', anna, '--name', 'scanner');
  expect((await run('config', 'check')).err).toBe('');
  write(everybody);
  expect((await run('config', 'check')).err).toContain(
    '("scanner") was made for the account anna@contoso.com, and opens the account *@contoso.com now',
  );
});

test('of a password that does not say what it was made for, that is known where it was made at /connect', async () => {
  const { write, run, store } = configured();
  write(everybody, ofAnna);
  await store.add(anna, 'connect 2026-01-05T08:00:00', new Date('2026-01-05T08:00:00Z'));
  await store.add(anna, 'phone', new Date('2026-01-05T08:00:00Z'));
  const { err } = await run('config', 'check');
  expect(err).toContain(
    'was made at /connect for the mailbox anna@contoso.com, and opens the account anna@contoso.com',
  );
  expect(err).not.toContain('phone');
});

test('a start and a reload tell it', async () => {
  const { file, write } = await withPasswordsOfAnna();
  const tail = new LogTail();
  const destination = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = openLog({ level: 'info', format: 'json', destination, tail: (line) => tail.add(line) });
  const loaded = async () => (await loadConfig(file, { env: {} })).config;
  const bridge = await startBridge(await loaded(), { log });
  afterTest(() => bridge.stop());
  const told = () => tail.last(200, { search: 'app passwords of anna@contoso.com' });
  write(everybody, ofAnna);
  await bridge.reload(await loaded());
  const [line] = await until('the warning', () => (told().length > 0 ? told() : undefined));
  expect(line).toMatchObject({ level: 'warn', msg: crossed });
});
