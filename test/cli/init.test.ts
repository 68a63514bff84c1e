import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { verifyPassword } from '../../src/accounts/passwords.ts';
import { takeDataFolder } from '../../src/app/data-folder.ts';
import { runInit } from '../../src/cli/init.ts';
import { commandOutput } from '../support/secret-search/command-output.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { mailbridge } from './harness.ts';

interface Written {
  readonly listeners: readonly Record<string, unknown>[];
  readonly connections: Readonly<Record<string, Record<string, unknown>>>;
  readonly accounts: readonly Record<string, unknown>[];
  readonly admin: { readonly port: number };
}

/** A place for a configuration, and init to write it there. */
function place() {
  const folder = temporaryFolder();
  const file = join(folder, 'config.json');
  return {
    folder,
    file,
    init: (args: readonly string[], input = '') => mailbridge(['init', '--config', file, ...args], input),
    written: () => JSON.parse(readFileSync(file, 'utf8')) as Written,
  };
}

const yes = ['--yes', '--mailbox', 'reports@contoso.com'];

test.each(['jo@outlook.com', 'jo@hotmail.co.uk', 'jo@live.de'])(
  'a mailbox of everybody (%s): a person signs in, to the tenant of personal accounts',
  async (mailbox) => {
    const { init, written } = place();
    const { code, out } = await init([
      '--yes',
      '--mailbox',
      mailbox,
      '--client-id',
      '11111111-2222-3333-4444-555555555555',
    ]);
    expect(code).toBe(0);
    expect(Object.values(written().connections)).toMatchObject([{ tenantId: 'consumers', grant: 'device-code' }]);
    expect(out).toContain('mailbridge login');
  },
);

test('an app of its own for a personal mailbox is refused with the reason', async () => {
  const { init } = place();
  const { code, err } = await init(['--yes', '--mailbox', 'jo@outlook.com', '--sign-in', 'app']);
  expect({ code, err }).toMatchObject({
    code: 2,
    err: expect.stringContaining('personal accounts do not let an app in by itself'),
  });
});

test('the dialogue: a line explains each question, Enter takes what is proposed', async () => {
  const { init, written } = place();
  // use, from, mailbox, sign-in, networks, the rest, send, read, tenant, client-id, name, username
  const { code, out, err } = await init(
    [],
    '3\n2\nAlice@contoso.com\n\n192.168.10.0/24, 10.1.2.3\nchange\n\n\n\n\n\n\n',
  );
  expect(code).toBe(0);
  expect(err).toMatch(/^\nWhat will connect to the bridge\?\n {2}This decides which ports it opens\.\n {4}1 {2}send: /);
  expect(err).toContain(
    '\nWhich tenant?\n  The Directory (tenant) ID of the Entra admin center, or a domain of the tenant; consumers for a personal mailbox.\n[contoso.com] > \n',
  );
  expect(err.match(/\?\n/g)).toHaveLength(12);
  expect(written()).toMatchObject({
    listeners: [
      { protocol: 'smtp', host: '0.0.0.0', security: 'starttls' },
      { protocol: 'imap', host: '0.0.0.0', security: 'starttls' },
      { protocol: 'pop3', host: '0.0.0.0', security: 'starttls' },
    ],
    connections: {
      contoso: {
        tenantId: 'contoso.com',
        clientId: '00000000-0000-0000-0000-000000000000',
        grant: 'client-credentials',
        clientCertificate: { cert: 'data/contoso.crt', key: 'data/contoso.key' },
      },
    },
    accounts: [
      {
        username: 'Alice',
        networks: ['192.168.10.0/24', '10.1.2.3'],
        connection: 'contoso',
        mailbox: 'Alice@contoso.com',
        send: 'graph',
        read: 'imap',
      },
    ],
  });
  expect(out).toContain('config.json is written.');
  expect(out).toContain(`\nPrograms connect with:\n  host      ${hostname()}`);
  expect(out).toMatch(
    /\n {2}SMTP {6}port \d+, STARTTLS\n {2}IMAP {6}port \d+, STARTTLS\n {2}POP3 {6}port \d+, STARTTLS\n/,
  );
});

test.each([
  ['a scanner in the network', '\n\nreports@contoso.com\n\n\n\n', 6, 'app'],
  ['a program on this machine', '\nhere\nreports@contoso.com\n\n\n', 5, 'app'],
  ['a person’s mail program', 'read\n\nann@contoso.com\nperson\n\n', 5, 'person'],
])('%s takes at most six questions: the rest stands on one line', async (_, answers, questions, signIn) => {
  const { init, written } = place();
  const { code, err } = await init([], answers);
  expect(code).toBe(0);
  expect(err.match(/\?\n/g)).toHaveLength(questions);
  expect(err).toContain('\nIs everything else right?\n  ');
  expect(err).toMatch(/ by: \w+; tenant: contoso\.com; app registration: none; connection: contoso; username: \w+/);
  expect(written().connections).toMatchObject({ contoso: { tenantId: 'contoso.com' } });
  expect(written().connections.contoso?.grant).toBe(signIn === 'app' ? 'client-credentials' : 'device-code');
});

test('a detail that cannot be proposed is asked for all the same', async () => {
  const { init, written } = place();
  const { code, err } = await init(
    ['--use', 'send', '--from', 'here'],
    'a@münchen.example\n\n\ncontoso.com\nmuenchen\n',
  );
  expect({ code, asked: err.includes('What is the name of the connection?') }).toEqual({ code: 0, asked: true });
  expect(Object.keys(written().connections)).toEqual(['muenchen']);
});

test('what only sends runs on other machines, unless told otherwise: their host, ports and firewall are shown', async () => {
  const { init, written } = place();
  const { out } = await init(yes);
  const [{ host, port } = {}] = written().listeners;
  expect(host).toBe('0.0.0.0');
  expect(out).toContain(`  host      ${hostname()}`);
  expect(out).toContain(`  firewall  if this machine has one: sudo ufw allow ${port}/tcp (ufw), or sudo firewall-cmd `);

  const here = await init([...yes, '--from', 'here', '--force']);
  expect(here.out).toContain('  host      127.0.0.1\n');
  expect(here.out).not.toContain('firewall');
  await init([...yes, '--use', 'both', '--force']);
  expect(written().listeners.map((listener) => listener.host)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
});

test('Enter takes what is proposed, and the proposal has its own number', async () => {
  const { init } = place();
  const { err } = await init([], '1\n\njo@outlook.com\n\n');
  expect(err).toContain('[2, network] > ');
  expect(err).toContain('[2, person] > ');
});

test('the choice of Graph names how large a message may be, and what that takes', async () => {
  const { init } = place();
  const { err } = await init(['--use', 'send', '--from', 'here'], 'reports@contoso.com\n\nchange\n\n');
  expect(err).toContain(
    'graph: through Microsoft Graph, up to 150 MB; above about 2 MB with the permission Mail.ReadWrite',
  );
});

test('the password is shown once; the file holds its hash and is for nobody else', async () => {
  const { init, written, file } = place();
  const { out } = await init(yes);
  const password = /password {2}(\S+)/.exec(out)?.[1] ?? '';
  expect(password).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/);
  expect(readFileSync(file, 'utf8')).not.toContain(password);
  expect(await verifyPassword(String(written().accounts[0]?.password), password)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a wrong answer is told, and asked for again', async () => {
  const { init, written } = place();
  const { code, err } = await init(
    ['--use', 'send', '--from', 'here', '--name', 'x', '--username', 'y', '--send', 'smtp', '--sign-in', 'person'],
    'reports\nreports@contoso.com\nchange\ncommon or so\ncontoso.com\nabc\n\neverybody\n0.0.0.0/0\n10.0.0.1\n',
  );
  expect(code).toBe(0);
  expect(err).toContain('> \n  It must be an address such as "reports@contoso.com".\n> \n');
  expect(err).toContain('  It must be a GUID');
  expect(err).toContain('  It must be IP addresses, or networks such as 192.168.10.0/24.\n');
  expect(err).toContain('  It would let everybody send without a password.\n');
  expect(written().accounts[0]).toMatchObject({ networks: ['10.0.0.1'], send: 'smtp' });
});

test('a choice is told by its number, its name or the beginning of it', async () => {
  const { init, written } = place();
  const { code, err } = await init(['--mailbox', 'a@contoso.com'], 'what\nREAD\nn\n2\nc\npop\n\n\n\n\n');
  expect(code).toBe(0);
  expect(err).toContain('  Give the number or the name: it must be send or read or both.\n[1, send] > ');
  expect(written()).toMatchObject({
    listeners: [{ protocol: 'pop3', host: '0.0.0.0' }],
    connections: { contoso: { grant: 'device-code' } },
    accounts: [{ read: 'pop3' }],
  });
  expect(written().accounts[0]).not.toHaveProperty('send');
});

test('an input that ends early writes nothing', async () => {
  const { init, folder } = place();
  const { code, out, err } = await init([], '3\n\n');
  expect({ code, out }).toEqual({ code: expect.any(Number), out: '' });
  expect(code).not.toBe(0);
  expect(err).toMatch(/not all answered; nothing was written\. .*mailbridge init --help/);
  expect(readdirSync(folder)).toEqual([]);
});

test('every answer can be an option', async () => {
  const { init, written, folder } = place();
  const cloud = join(folder, 'cloud.json');
  writeFileSync(cloud, JSON.stringify({ authority: 'https://127.0.0.1:8443' }));
  const { code, err } = await init([
    ...['--use', 'both', '--from', 'network', '--mailbox', 'erp@fabrikam.example', '--sign-in', 'app'],
    ...['--send', 'smtp', '--read', 'imap', '--tenant', '11111111-2222-3333-4444-555555555555'],
    ...['--client-id', 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', '--client-secret-env', 'FABRIKAM_SECRET'],
    ...['--name', 'fabrikam', '--username', 'erp', '--networks', '10.0.0.0/8', '--cloud', cloud],
  ]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(written().connections).toEqual({
    fabrikam: {
      tenantId: '11111111-2222-3333-4444-555555555555',
      clientId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      grant: 'client-credentials',
      clientSecret: { env: 'FABRIKAM_SECRET' },
      cloud: { authority: 'https://127.0.0.1:8443' },
    },
  });
});

test.each(['null', '[]', '"x"', '7', '{"cloud": null}', '{"cloud": []}'])(
  '--cloud with a file that holds %s is wrong usage',
  async (json) => {
    const { init, folder, file } = place();
    const cloud = join(folder, 'cloud.json');
    writeFileSync(cloud, json);
    const { code, err } = await init([...yes, '--cloud', cloud]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(`(no JSON object): ${cloud}.`) });
    expect(existsSync(file)).toBe(false);
  },
);

test('what is wrong in the file of --cloud is told of the configuration that would be written', async () => {
  const { init, folder, file } = place();
  const cloud = join(folder, 'cloud.json');
  writeFileSync(cloud, JSON.stringify({ authority: 7 }));
  const { code, err } = await init([...yes, '--cloud', cloud]);
  expect(code).toBe(2);
  expect(err).toContain(`${file} has 1 problem`);
  expect(err).not.toContain('.new');
});

test('a client secret that is typed in goes into a file of its own', async () => {
  const { init, written, folder, file } = place();
  const options = [
    '--use',
    'send',
    '--from',
    'here',
    '--mailbox',
    'a@contoso.com',
    '--sign-in',
    'app',
    '--send',
    'graph',
  ];
  const answers = 'change\n\naaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n\n\n\nthe~secret\n';
  const { code, out, err } = await init(options, answers);
  expect(code).toBe(0);
  expect(written().connections.contoso).toMatchObject({ clientSecret: { file: 'data/contoso.secret' } });
  const secret = join(folder, 'data', 'contoso.secret');
  expect(readFileSync(secret, 'utf8')).toBe('the~secret\n');
  expect(statSync(secret).mode & 0o777).toBe(0o600);
  expect(out + err + readFileSync(file, 'utf8')).not.toContain('the~secret');
  expect(out).not.toContain('register-app');
});

test.each<[string, string[], string[]]>([
  [
    'app-only without a registration',
    [],
    ['register-app --name contoso', 'exchange-script contoso', 'check --wait', 'start'],
  ],
  [
    'a person without a registration',
    ['--sign-in', 'person'],
    ['register-app --name contoso', 'login contoso', 'check --wait', 'start'],
  ],
  [
    'a person with a registration',
    ['--sign-in', 'person', '--client-id', 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'],
    ['login contoso', 'check --wait', 'start'],
  ],
  [
    'an app with a registration and a secret',
    ['--client-id', 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', '--client-secret-env', 'SECRET'],
    ['exchange-script contoso', 'check --wait', 'start'],
  ],
  [
    'an app with a registration, and a certificate to be made',
    ['--client-id', 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'],
    ['register-app --name contoso', 'exchange-script contoso', 'check --wait', 'start'],
  ],
])('what comes next, %s', async (_, options, expected) => {
  const { init, file } = place();
  const { out } = await init([...yes, ...options, '--json']);
  const { next, config } = JSON.parse(out) as { next: string[][]; config: string };
  expect(config).toBe(file);
  expect(next.map((args) => args.join(' '))).toEqual(expected.map((line) => `${line} --config ${file}`));
});

test('a configuration that is there already is left alone, unless told otherwise', async () => {
  const { init, file, written } = place();
  writeFileSync(file, 'precious');
  const { code, out, err } = await init(yes);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/config\.json already exists\. .*--force.*\(config-exists\)/);
  expect(readFileSync(file, 'utf8')).toBe('precious');
  expect((await init([...yes, '--force'])).code).toBe(0);
  expect(written().accounts).toHaveLength(1);
});

test.each([
  [[], /^mailbridge: Connection contoso has no app registration yet\. Run: mailbridge register-app --name contoso\./],
  [
    ['--client-id', '11111111-2222-3333-4444-555555555555'],
    /^mailbridge: The client certificate of connection contoso: \S+contoso\.crt cannot be read: .* Run mailbridge register-app --name contoso,/,
  ],
])('start right after init %j names the command that comes next', async (options, message) => {
  const { init, file } = place();
  await init([...yes, ...options]);
  const { code, err } = await mailbridge(['start', '--config', file]);
  expect(err).toMatch(message);
  expect(code).toBeGreaterThan(0);
});

test('a port that is taken is passed over', async () => {
  const { init, written } = place();
  await init(yes);
  const first = Number(written().listeners[0]?.port);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  await init([...yes, '--force']);
  expect(Number(written().listeners[0]?.port)).toBeGreaterThan(first);
});

test('there are pages for administrators, on this machine alone, at a port that nobody has', async () => {
  const { init, written } = place();
  const { out } = await init(yes);
  const { port } = written().admin;
  expect(written().admin).toEqual({ port });
  expect(port).toBeGreaterThanOrEqual(8025);
  expect(out).toContain(`\nOnce the bridge runs, administrators find its pages at http://127.0.0.1:${port}/\n`);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { pages } = JSON.parse((await init([...yes, '--force', '--json'])).out) as { readonly pages: string };
  expect(written().admin.port).toBeGreaterThan(port);
  expect(pages).toBe(`http://127.0.0.1:${written().admin.port}/`);
});

test('the set-up page of a bridge that waits for this configuration makes way for its pages', async () => {
  const { init, written, folder } = place();
  const usual = createServer();
  // If another program already has the port here, that serves as well as the page.
  await new Promise<void>((resolve) => usual.once('error', () => resolve()).listen(8025, '127.0.0.1', resolve));
  onTestFinished(() => void usual.close());
  const taken = takeDataFolder(join(folder, 'data'));
  onTestFinished(() => taken.release());
  await init(yes);
  expect(written().admin).toEqual({ port: 8025 });
});

test.each([
  [['--yes'], '--mailbox is missing: Its address'],
  [['--yes', '--mailbox', 'reports'], '--mailbox must be an address'],
  [[...yes, '--use', 'fax'], '--use must be send or read or both.'],
  [[...yes, '--read', 'imap'], '--read does nothing with --use send.'],
  [[...yes, '--cloud', 'moon'], '--cloud is neither a known cloud'],
  [[...yes, '--cloud', '/dev/zero'], '(not a regular file): /dev/zero.'],
  [[...yes, '--client-secret-env', 'A', '--client-secret-file', 'b'], 'not both'],
])('%j is wrong usage, and writes nothing', async (args, message) => {
  const { init, file } = place();
  const { code, out, err } = await init(args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(message);
  expect(existsSync(file)).toBe(false);
});

test('on a terminal the next command is offered, and run if that is wanted', async () => {
  const { file } = place();
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const { stdout, stderr } = commandOutput(['init', '--config', file]);
  const ran: string[][] = [];
  stdin.write('1\n\nreports@contoso.com\n\n\n\ny\n');
  const code = await runInit(['--config', file], { stdin, stdout, stderr, env: {} }, async (args) => {
    ran.push(args);
    return 7;
  });
  stderr.end();
  expect(await text(stderr)).toContain(`Run mailbridge register-app --name contoso --config ${file} now? [y/N] `);
  expect(ran).toEqual([['register-app', '--name', 'contoso', '--config', file]]);
  expect(code).toBe(7);
});
