import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { unreadableConfig } from '../../src/config/unreadable.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Account, account, connection, listener, load, sample } from './sample.ts';

test('what the file leaves out has its default', async () => {
  const { config, folder, warnings } = await load(sample());
  expect(warnings).toEqual([]);
  expect(JSON.parse(JSON.stringify(config))).toEqual({
    dataDir: join(folder, 'data'),
    log: { level: 'info' },
    workers: 1,
    listeners: [
      {
        protocol: 'smtp',
        host: '127.0.0.1',
        port: 2525,
        security: 'starttls',
        allowInsecureAuth: false,
        cramMd5: false,
        lineEnds: 'lenient',
      },
    ],
    connections: { contoso: { ...connection, clientSecret: '[secret]', cloud: 'global' } },
    accounts: [
      {
        ...account,
        send: ['graph'],
        password: '[secret]',
        endOfData: 'crlf',
        delivery: 'queued',
        envelope: 'auto',
        onAmbiguity: 'resend',
        mailboxes: ['reports@contoso.com'],
        mailboxFrom: 'fixed',
        sentItems: 'keep',
        senders: ['reports@contoso.com'],
        otherSenders: [],
      },
    ],
    queue: {
      store: 'sqlite',
      expireAfterHours: 48,
      delayWarningHours: 4,
      retainDeliveredDays: 7,
      keepSubjects: true,
      retainFailedDays: 14,
      minFreeMegabytes: 100,
      retryBaseSeconds: 60,
      retryMaxSeconds: 3600,
      failoverAfterSeconds: 60,
    },
    retry: { mode: 'status-codes', statusCodes: [429, 503], maxAttempts: 5, waitSeconds: 2, multiplyWait: true },
    limits: {
      messagesPerMinute: 30,
      concurrentDeliveries: 256,
      graphCacheMegabytes: 256,
      graphPollSeconds: 15,
      graphRequestsPerTenMinutes: 10_000,
      recipientsPerDay: 10_000,
      internalDomains: [],
      maxMessageMegabytes: 35,
      maxRecipients: 500,
      graphMimeKilobytes: 2200,
      maxConnections: 500,
      maxConnectionsPerAddress: 100,
      maxConnectionsPerAccount: 20,
      idleTimeoutSeconds: 300,
      loginFailures: 10,
      loginFailuresPerAddress: 100,
      loginFailuresPerAccount: 100,
      loginBlockSeconds: 300,
    },
    alerts: { expiryDays: [30, 7, 1], troubleMinutes: 15, queueWaitMinutes: 60 },
    shutdown: { drainSeconds: 0, graceSeconds: 30 },
  });
});

test.each([
  [{ mailboxes: ['a@contoso.com', '*@contoso.de'] }, 'a@contoso.com', ['a@contoso.com', '*@contoso.de']],
  [{ mailboxes: ['*@contoso.de', 'a@contoso.com'] }, 'a@contoso.com', ['a@contoso.com', '*@contoso.de']],
  [
    { mailbox: 'b@contoso.com', mailboxes: ['a@contoso.com', 'B@contoso.com'] },
    'b@contoso.com',
    ['b@contoso.com', 'a@contoso.com'],
  ],
  [{ username: '*@contoso.com' }, undefined, []],
  [{ username: '*@contoso.com', mailboxes: ['a@contoso.com'] }, undefined, ['a@contoso.com']],
  [{ username: '*@contoso.com', mailbox: 'a@contoso.com' }, 'a@contoso.com', ['a@contoso.com']],
])('the default mailbox of %j comes first, and is a sender', async (changes, mailbox, mailboxes) => {
  const { mailbox: _, ...rest } = account;
  const { config } = await load(sample({ accounts: [{ ...rest, ...changes }] }));
  const mailboxFrom = 'mailboxes' in changes ? 'envelope' : 'fixed';
  expect(config.accounts[0]).toMatchObject({ mailboxes, mailboxFrom, senders: mailboxes });
  expect(config.accounts[0]?.mailbox).toBe(mailbox);
});

test('forceFrom is an address, or the mailbox of who logs in', async () => {
  const accounts = [
    { ...account, forceFrom: true as const },
    { ...account, username: 'erp', forceFrom: 'sales@contoso.com' },
    { ...account, username: 'free' },
  ];
  const { config } = await load(sample({ accounts }));
  expect(config.accounts.map(({ forceFrom }) => forceFrom)).toEqual([true, 'sales@contoso.com', undefined]);
});

test('a sender alone is to send as, the mailbox is no other, and what is forced counts alone', async () => {
  const senders = [
    'reports@contoso.com',
    'sales@contoso.com',
    { address: 'help@contoso.com', as: 'on-behalf' as const },
    { address: '*@x.contoso.com', as: 'alias' as const },
  ];
  const of = async (changes: Partial<Account>) =>
    (await load(sample({ accounts: [{ ...account, ...changes }] }))).config.accounts[0];
  const listed = await of({ senders });
  expect(listed?.senders).toEqual(['reports@contoso.com', 'sales@contoso.com', 'help@contoso.com', '*@x.contoso.com']);
  expect(listed?.otherSenders).toEqual([{ address: 'sales@contoso.com', as: 'send-as' }, ...senders.slice(2)]);
  expect((await of({ senders, forceFrom: true }))?.otherSenders).toEqual([]);
  expect((await of({ senders, forceFrom: 'Help@contoso.com' }))?.otherSenders).toEqual([senders[2]]);
  expect((await of({ forceFrom: 'boss@contoso.com' }))?.otherSenders).toEqual([
    { address: 'boss@contoso.com', as: 'send-as' },
  ]);
});

test('a secret comes from the file itself, from the environment or from another file', async () => {
  const folder = temporaryFolder();
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets/client'), 'from a file, 1 \r\n\n');
  const path = join(folder, 'config.json');
  const connections = {
    inline: connection,
    env: { ...connection, clientSecret: { env: 'CLIENT_SECRET' } },
    file: { ...connection, clientSecret: { file: 'secrets/client' } },
  };
  await writeFile(path, JSON.stringify(sample({ connections, accounts: [{ ...account, connection: 'env' }] })));
  const { config } = await loadConfig(path, { env: { CLIENT_SECRET: 'from the environment, 1\n' } });
  const secrets = Object.values(config.connections).map((one) => 'clientSecret' in one && one.clientSecret?.reveal());
  expect(secrets).toEqual(['s3cret-of-contoso', 'from the environment, 1\n', 'from a file, 1 ']);
});

test('a secret file that is too large to be one is refused', async () => {
  const folder = temporaryFolder();
  await writeFile(join(folder, 'large'), 'x'.repeat(70_000));
  const config = sample({ accounts: [{ ...account, password: { file: join(folder, 'large') } }] });
  await expect(load(config)).rejects.toMatchObject({
    code: 'secret-unavailable',
    details: {
      problems: [expect.stringMatching(/^accounts\[0\]\.password: file .*large is larger than 65536 bytes$/)],
    },
  });
});

test('a command that needs no secrets does without them, even those of a certain form', async () => {
  const elsewhere = sample({ proxy: { env: 'PROXY' }, tokenKey: { file: 'token.key' } });
  const { folder } = await load(sample());
  const path = join(folder, 'other.json');
  await writeFile(path, JSON.stringify(elsewhere), { mode: 0o600 });
  await expect(loadConfig(path, { env: {} })).rejects.toMatchObject({ code: 'secret-unavailable' });
  const { config } = await loadConfig(path, { env: {}, secrets: [] });
  expect(config.tokenKey?.reveal()).toBe('');
});

test('a command that needs some secrets gets these alone, and where they are is told like the rest', async () => {
  const postgres = { url: { env: 'DATABASE' } };
  const elsewhere = sample({
    proxy: { env: 'PROXY' },
    tokenKey: { file: 'token.key' },
    queue: { store: 'sqlite', postgres },
  });
  const { folder } = await load(sample());
  const path = join(folder, 'other.json');
  await writeFile(path, JSON.stringify(elsewhere), { mode: 0o600 });
  const url = 'postgres://mailbridge:x@127.0.0.1/mail';
  const { config, references } = await loadConfig(path, { env: { DATABASE: url }, secrets: ['queue'] });
  expect([config.queue.postgres?.url.reveal(), config.tokenKey?.reveal()]).toEqual([url, '']);
  expect([...references.variables]).toEqual(expect.arrayContaining(['DATABASE', 'PROXY']));
  expect([...references.files.keys()]).toContain('token.key');
  const key = loadConfig(path, { env: { DATABASE: url }, secrets: ['queue', 'key'] });
  await expect(key).rejects.toMatchObject({ code: 'secret-unavailable', message: expect.stringContaining('tokenKey') });
});

test('secrets show in no printed form of the configuration', async () => {
  const { config } = await load(sample({ proxy: 'http://user:ganz-geheim-7@proxy.contoso.com:8080' }));
  const printed = `${JSON.stringify(config)} ${inspect(config, { depth: 9, showHidden: true })} ${String(config.proxy)} ${config.accounts[0]?.password}`;
  expect(printed).not.toMatch(/s3cret-of-contoso|ganz-geheim-7/);
  expect(printed).toContain('[secret]');
  expect(config.proxy?.reveal()).toBe('http://user:ganz-geheim-7@proxy.contoso.com:8080');
});

test('the configuration is frozen all the way down', async () => {
  const { config } = await load(sample());
  const open = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && (!Object.isFrozen(value) || Object.values(value).some(open));
  expect(open(config)).toBe(false);
  expect(() => Object.assign(config.limits, { maxRecipients: 1 })).toThrow(TypeError);
});

test('relative paths start at the folder of the file, absolute ones stay', async () => {
  const { config, folder } = await load(
    sample({
      dataDir: '../state',
      tls: { cert: 'certs/a.crt', key: '/etc/a.key' },
      listeners: [{ ...listener, tls: { cert: 'b.crt', key: 'b.key' } }],
      connections: {
        contoso: {
          grant: 'client-credentials',
          tenantId: connection.tenantId as string,
          clientId: '00000000-0000-0000-0000-000000000000',
          clientCertificate: { cert: 'app.crt', key: 'app.key' },
          cloud: { caFile: 'ca.crt' },
        },
      },
    }),
  );
  expect(config.dataDir).toBe(join(folder, '../state'));
  expect(config.tls).toEqual({ cert: join(folder, 'certs/a.crt'), key: '/etc/a.key', minVersion: 'TLSv1.2' });
  expect(config.listeners[0]?.tls).toEqual({ cert: join(folder, 'b.crt'), key: join(folder, 'b.key') });
  expect(config.connections.contoso).toMatchObject({
    clientCertificate: { cert: join(folder, 'app.crt'), key: join(folder, 'app.key') },
    cloud: { caFile: join(folder, 'ca.crt') },
  });
});

test('every grant is a configuration that holds', async () => {
  const app = { tenantId: 'common', clientId: '00000000-0000-0000-0000-000000000000' };
  const connections = {
    contoso: connection,
    cluster: { ...app, tenantId: 'contoso.com', grant: 'client-credentials', clientAssertionFile: 'azure/token' },
    code: { ...app, grant: 'device-code', prompt: 'login', tokenFile: 'code.token' },
    browser: {
      ...app,
      grant: 'authorization-code',
      clientSecret: 's3cret-of-contoso',
      redirectUri: 'http://localhost:8400/',
    },
    public: { ...app, grant: 'authorization-code', scopes: ['https://outlook.office.com/SMTP.Send', 'offline_access'] },
    person: { ...app, grant: 'password', username: 'jo@contoso.com', password: { env: 'JO' } },
    machine: { grant: 'managed-identity' },
  };
  const { config } = await load(sample({ connections } as never), { env: { JO: 'ganz-geheim-7' } });
  expect(Object.entries(config.connections).map(([name, { grant }]) => [name, grant])).toEqual(
    Object.entries(connections).map(([name, { grant }]) => [name, grant]),
  );
});

test('listeners on the same port of different addresses, and any number on port 0, live side by side', async () => {
  const listeners = [
    { ...listener, host: '127.0.0.1' },
    { ...listener, host: '127.0.0.2' },
    { ...listener, host: '::1' },
    { ...listener, host: '0.0.0.0', port: 0 },
    { ...listener, host: '0.0.0.0', port: 0 },
  ];
  expect((await load(sample({ listeners }))).config.listeners).toHaveLength(5);
});

test('a file with a byte order mark is read', async () => {
  const path = join(temporaryFolder(), 'config.json');
  await writeFile(path, `\ufeff${JSON.stringify(sample())}`);
  await expect(loadConfig(path, { env: {} })).resolves.toBeDefined();
});

test('a file that is not there, and one that cannot be read, are told apart', async () => {
  const folder = temporaryFolder();
  const missing = join(folder, 'config.json');
  await expect(loadConfig(missing, { env: {} })).rejects.toMatchObject({
    code: 'config-not-found',
    message: `The configuration file ${missing} does not exist.`,
  });
  await expect(loadConfig(folder, { env: {} })).rejects.toMatchObject({
    code: 'config-not-found',
    message: `The configuration file ${folder} cannot be read (EISDIR).`,
  });
});

test('whoever may not read the file is told whose it is', async () => {
  const path = join(temporaryFolder(), 'config.json');
  await writeFile(path, '{}');
  const refused = Object.assign(new Error('permission denied'), { code: 'EACCES' });
  const { username } = userInfo();
  // root, as tests in a container run, can read everything.
  expect(await unreadableConfig(path, refused)).toMatchObject({
    code: 'config-not-found',
    message: `The configuration file ${path} belongs to ${username}, and you may not read it (EACCES).`,
    remedy: expect.stringContaining(
      username === 'root'
        ? 'Run the command with sudo.'
        : `Run the command as that user: sudo -u ${username} mailbridge …`,
    ),
  });
  await chown(path, 54_321, 54_321).catch(() => {});
  const { uid } = await stat(path);
  if (uid === 54_321) expect((await unreadableConfig(path, refused)).remedy).toContain("sudo -u '#54321' mailbridge");
});

test('the message counts the problems and has a line for each', async () => {
  await expect(load({ ...sample(), colour: 'red', size: 3 })).rejects.toMatchObject({
    code: 'config-invalid',
    kind: 'usage',
    message: expect.stringMatching(/config\.json has 2 problems:\ncolour: unknown key\nsize: unknown key$/),
  });
});

test('warns of secrets in a file that others may read, and only then', async () => {
  const warning = expect.stringMatching(/^the file contains secrets and others on this machine may read it/);
  expect((await load(sample(), { mode: 0o640 })).warnings).toEqual([warning]);
  expect((await load(sample(), { mode: 0o604 })).warnings).toEqual([warning]);
  expect((await load(sample(), { mode: 0o600 })).warnings).toEqual([]);
  const hash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  const elsewhere = sample({
    connections: { contoso: { ...connection, clientSecret: { env: 'S' } } as never },
    accounts: [{ ...account, password: hash }],
  });
  expect((await load(elsewhere, { mode: 0o644, env: { S: 's' } })).warnings).toEqual([]);
});

test('warns of CRAM-MD5 where no account has a password that it could be checked with', async () => {
  const warnings = async (password: string) =>
    (await load(sample({ listeners: [{ ...listener, cramMd5: true }], accounts: [{ ...account, password }] })))
      .warnings;
  expect(await warnings('geheim')).toEqual([]);
  expect(await warnings(`$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`)).toEqual([
    'listeners[0].cramMd5: ignored, no account has a "password" that is not a hash; use {"env"} or {"file"}',
  ]);
});

test('warns when passwords travel in the clear, or cannot be used for that reason', async () => {
  const warnings = async (change: object, accounts = [account]) =>
    (await load(sample({ listeners: [{ ...listener, ...change }], accounts }))).warnings;
  const clear = ['listeners[0]: passwords may travel unencrypted to 0.0.0.0:2525'];
  expect(await warnings({ host: '0.0.0.0', security: 'none', allowInsecureAuth: true })).toEqual(clear);
  expect(await warnings({ host: '0.0.0.0', security: 'starttls', allowInsecureAuth: true })).toEqual(clear);
  expect(await warnings({ host: '0.0.0.0', security: 'none' })).toEqual([
    'listeners[0]: security is "none", so nobody beyond this machine can log in with a password',
  ]);
  expect(await warnings({ host: '0.0.0.0', security: 'none', cramMd5: true })).toEqual([]);
  expect(await warnings({ host: '0.0.0.0', security: 'starttls' })).toEqual([]);
  expect(await warnings({ host: '0.0.0.0', security: 'tls', allowInsecureAuth: true })).toEqual([]);
  expect(await warnings({ host: '127.0.0.1', security: 'none', allowInsecureAuth: true })).toEqual([]);
  const { password: _, ...byNetwork } = { ...account, networks: ['10.0.0.0/8'] };
  expect(await warnings({ host: '0.0.0.0', security: 'none' }, [byNetwork])).toEqual([]);
});

test('warns of what has no effect', async () => {
  const { password: _, ...byNetwork } = { ...account, networks: ['10.0.0.0/8'], read: 'imap' as const };
  const { send: __, ...reader } = { ...account, username: 'reader', networks: ['10.0.0.0/8'], read: 'imap' as const };
  const tls = { minVersion: 'TLSv1' as const };
  const listeners = [
    { ...listener, tls },
    { ...listener, port: 25, tls: { ...tls, ciphers: 'DEFAULT@SECLEVEL=0' } },
  ];
  expect((await load(sample({ listeners, accounts: [byNetwork, reader] }))).warnings).toEqual([
    'listeners[0].tls: TLSv1 does not work without "@SECLEVEL=0" in "ciphers"',
    'accounts[0].read: ignored, reading needs a "password" or "passwordFrom"',
    'accounts[1].networks: ignored, the account has no "send"',
  ]);
});

test('a secret file that cannot be read is named, with the reason', async () => {
  const file = temporaryFolder();
  await expect(load(sample({ accounts: [{ ...account, password: { file } }] }))).rejects.toMatchObject({
    details: { problems: [`accounts[0].password: file ${file} cannot be read (EISDIR)`] },
  });
});

test('passwordFrom: a file by its absolute path, an LDAP server with its defaults, app passwords alone', async () => {
  const { password: _, ...silent } = account;
  const accounts: Account[] = [
    { ...silent, username: 'a', passwordFrom: { file: 'people' } },
    {
      ...silent,
      username: 'b',
      passwordFrom: { ldap: { url: 'ldaps://dc1.contoso.com', bindDn: '{username}' } },
    },
    { ...silent, username: 'c', passwordFrom: 'app-passwords' },
    {
      ...silent,
      username: 'd',
      passwordFrom: { ldap: { url: 'ldap://localhost', baseDn: 'o=x' } },
    },
  ];
  const { config, folder, references } = await load(sample({ accounts }));
  expect(config.accounts.map(({ passwordFrom }) => passwordFrom)).toEqual([
    { file: join(folder, 'people') },
    {
      ldap: {
        url: 'ldaps://dc1.contoso.com',
        startTls: false,
        bindDn: '{username}',
        timeoutSeconds: 5,
        rememberMinutes: 10,
      },
    },
    'app-passwords',
    { ldap: { url: 'ldap://localhost', startTls: false, baseDn: 'o=x', timeoutSeconds: 5, rememberMinutes: 10 } },
  ]);
  expect([...references.files.keys()]).toEqual(['people']);
});

test.each([
  ['https://mail.contoso.com', 'https://mail.contoso.com'],
  ['HTTPS://Mail.Contoso.COM/', 'https://mail.contoso.com'],
  ['http://Bridge.lan:8025/', 'http://bridge.lan:8025'],
])('the public address %s is kept as browsers write it', async (publicUrl, kept) => {
  const { config } = await load(sample({ admin: { publicUrl } }));
  expect(config.admin?.publicUrl).toBe(kept);
});
