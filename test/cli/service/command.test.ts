import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { runInstallService, runUninstallService } from '../../../src/cli/service/command.ts';
import { serviceUnit, shippedUnit } from '../../../src/cli/service/unit.ts';
import type { CliIo } from '../../../src/cli/terminal/io.ts';
import { needProgram } from '../../support/external.ts';
import { commandOutput } from '../../support/secret-search/command-output.ts';
import { needRoot, serviceUser } from '../../support/service-user.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type FakeMachine, fakeMachine, textOf } from './machine.ts';

type Run = (args: string[], io: CliIo, machine: FakeMachine) => Promise<number>;

/** Wherever these sources are: a service may read it. */
const program = ['/bin/sh', '/etc/passwd'] as const;

async function run(command: Run, machine: FakeMachine, ...args: string[]) {
  const { stdout, stderr } = commandOutput([command === installing ? 'install-service' : 'uninstall-service', ...args]);
  const io = { stdin: Readable.from([]), stdout, stderr, env: {} };
  const outcome = await command(args, io, machine).catch((error: unknown) => String(error));
  stdout.end();
  stderr.end();
  return { outcome, out: await text(stdout), err: await text(stderr) };
}

const installing: Run = (args, io, machine) => runInstallService(args, io, machine, program);
const install = (machine: FakeMachine, ...args: string[]) => run(installing, machine, ...args);
const uninstall = (machine: FakeMachine, ...args: string[]) => run(runUninstallService, machine, ...args);

/** Owner, group and mode. */
function accessOf(machine: FakeMachine, path: string): [number, number, string] {
  const { uid, gid, mode } = statSync(machine.path(path));
  return [uid, gid, (mode & 0o7777).toString(8)];
}

function writeConfig(machine: FakeMachine, config: object): string {
  const file = machine.path('/etc/mailbridge/config.json');
  mkdirSync(machine.path('/etc/mailbridge'), { recursive: true });
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

const config = {
  dataDir: '/var/lib/mailbridge',
  listeners: [{ protocol: 'smtp', host: '127.0.0.1', port: 2525 }],
  connections: {
    contoso: {
      tenantId: 'contoso.onmicrosoft.com',
      clientId: '11111111-2222-3333-4444-555555555555',
      grant: 'client-credentials',
      clientSecret: { env: 'S' },
    },
  },
  accounts: [
    { username: 'cron', networks: ['127.0.0.1'], connection: 'contoso', mailbox: 'cron@contoso.com', send: 'graph' },
  ],
};

test('makes user, folders, key and unit, says each, and starts nothing without a configuration', async (context) => {
  needRoot(context);
  const machine = fakeMachine();
  const { outcome, out } = await install(machine);
  expect(outcome).toBe(0);
  expect(
    out
      .split('\n')
      .filter((line) => line.startsWith('✓'))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "✓ made the user mailbridge
    ✓ made /etc/mailbridge (mode 0770)
    ✓ made /var/lib/mailbridge (mode 0700)
    ✓ made /etc/mailbridge/token.key, the key of the sign-ins
    ✓ wrote /etc/systemd/system/mailbridge.service
    ✓ enabled mailbridge: it starts with the machine
    ✓ wrote /usr/local/lib/mailbridge/sendmail: for those who may read /etc/mailbridge/config.json; for every user once an account has "networks": ["127.0.0.1"]: then run install-service again
    ✓ linked /usr/sbin/sendmail to /usr/local/lib/mailbridge/sendmail"
  `);
  expect(out).toContain('sudo mailbridge init');
  expect(machine.ran).toEqual([
    expect.stringMatching(/^useradd --system .* mailbridge$/),
    'systemctl daemon-reload',
    'systemctl enable mailbridge',
  ]);
  const { uid, gid } = serviceUser;
  expect(accessOf(machine, '/etc/mailbridge')).toEqual([0, gid, '770']);
  expect(accessOf(machine, '/var/lib/mailbridge')).toEqual([uid, gid, '700']);
  expect(accessOf(machine, '/etc/mailbridge/token.key')).toEqual([0, gid, '640']);
  expect(Buffer.from(textOf(machine, '/etc/mailbridge/token.key'), 'base64')).toHaveLength(32);
});

test('run again it changes nothing, and says so', async (context) => {
  needRoot(context);
  const machine = fakeMachine();
  writeConfig(machine, config);
  await install(machine);
  expect(machine.ran.at(-1)).toBe('systemctl restart mailbridge');
  const [key, before] = [textOf(machine, '/etc/mailbridge/token.key'), machine.ran.length];
  const { outcome, out } = await install(machine);
  expect({ outcome, out }).toEqual({ outcome: 0, out: 'Nothing was missing; nothing was changed.\n' });
  expect(machine.ran.slice(before)).toEqual([]);
  expect(textOf(machine, '/etc/mailbridge/token.key')).toBe(key);
});

test('a configuration stays as it is, and the service may read it; a key and files of root go to the service', async (context) => {
  needRoot(context);
  const machine = fakeMachine();
  const file = writeConfig(machine, config);
  mkdirSync(machine.path('/var/lib/mailbridge/queue'), { recursive: true });
  writeFileSync(machine.path('/var/lib/mailbridge/token.key'), 'the-key-so-far\n', { mode: 0o600 });
  writeFileSync(machine.path('/var/lib/mailbridge/queue/in-flight'), '');
  const { out } = await install(machine);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(config);
  expect(accessOf(machine, '/etc/mailbridge/config.json')).toEqual([0, serviceUser.gid, '640']);
  expect(textOf(machine, '/etc/mailbridge/token.key')).toBe('the-key-so-far\n');
  expect(existsSync(machine.path('/var/lib/mailbridge/token.key'))).toBe(false);
  expect(accessOf(machine, '/var/lib/mailbridge/queue/in-flight').slice(0, 2)).toEqual([
    serviceUser.uid,
    serviceUser.gid,
  ]);
  expect(out).toContain('✓ started mailbridge');
  expect(textOf(machine, '/usr/local/lib/mailbridge/sendmail')).toContain(
    ' sendmail --server 127.0.0.1:2525 --sender cron@contoso.com "$@"',
  );
});

test('another data folder is refused before anything is made', async () => {
  const machine = fakeMachine();
  writeConfig(machine, { ...config, dataDir: '/srv/mail' });
  const { outcome } = await install(machine);
  expect(outcome).toMatch(/has the dataDir \/srv\/mail; the service has \/var\/lib\/mailbridge.*\(usage\)$/);
  expect(machine.ran).toEqual([]);
});

test('without systemd it does the rest, and says what is left', async (context) => {
  needRoot(context);
  const machine = fakeMachine({ systemd: false });
  const { outcome, out } = await install(machine);
  expect(outcome).toBe(0);
  expect(out).toMatch(/^! systemd does not run on this machine: .* systemctl enable --now mailbridge$/m);
  expect(machine.ran.filter((line) => line.startsWith('systemctl'))).toEqual([]);
  expect(existsSync(machine.path('/etc/systemd/system/mailbridge.service'))).toBe(true);
});

test.for(['another program', 'a link of another program'])('sendmail of %s is left alone', async (what, context) => {
  needRoot(context);
  const machine = fakeMachine({ alternatives: true });
  const path = machine.path('/usr/sbin/sendmail');
  if (what === 'another program') writeFileSync(path, 'postfix');
  else symlinkSync('/usr/sbin/exim4', path);
  const { out } = await install(machine);
  expect(out).toMatch(/^! \/usr\/sbin\/sendmail is left alone: it is another mail program's/m);
  await uninstall(machine);
  expect(what === 'another program' ? readFileSync(path, 'utf8') : readlinkSync(path)).toMatch(/postfix|exim4/);
});

test('where the system has alternatives, sendmail is one of them, and goes again', async (context) => {
  needRoot(context);
  const machine = fakeMachine({ alternatives: true });
  mkdirSync(machine.path('/etc/alternatives'), { recursive: true });
  symlinkSync('/etc/alternatives/mta', machine.path('/usr/sbin/sendmail'));
  symlinkSync('/usr/sbin/sendmail.postfix', machine.path('/etc/alternatives/mta'));
  await install(machine);
  const added = 'update-alternatives --install /usr/sbin/sendmail mta /usr/local/lib/mailbridge/sendmail 10';
  expect(machine.ran).toContain(added);
  await uninstall(machine);
  expect(machine.ran).toContain('update-alternatives --remove mta /usr/local/lib/mailbridge/sendmail');
});

test('uninstall takes back unit and sendmail, and says what stays', async (context) => {
  needRoot(context);
  const machine = fakeMachine();
  writeConfig(machine, config);
  await install(machine);
  const { outcome, out } = await uninstall(machine);
  expect(outcome).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "✓ stopped and disabled mailbridge
    ✓ removed /etc/systemd/system/mailbridge.service
    ✓ removed the link /usr/sbin/sendmail
    ✓ removed /usr/local/lib/mailbridge/sendmail
    These stay, with the user that owns them:
      /etc/mailbridge      configuration and keys
      /var/lib/mailbridge  queue, sign-ins, certificates
    Mail that is waiting there is no longer delivered. mailbridge queue list shows it.
    "
  `);
  for (const path of ['/etc/mailbridge/config.json', '/etc/mailbridge/token.key', '/var/lib/mailbridge']) {
    expect({ path, stays: existsSync(machine.path(path)) }).toEqual({ path, stays: true });
  }
  expect((await uninstall(machine)).out).toBe('There is no mailbridge service on this machine.\n');
});

test('--print needs no root and changes nothing', async () => {
  const machine: FakeMachine = { ...fakeMachine(), isRoot: false };
  const { outcome, out, err } = await install(machine, '--print', '--user', 'post');
  expect(outcome).toBe(0);
  expect(out).toMatch(/^User=post$/m);
  expect(err).toContain('would make');
  expect(machine.ran).toEqual([]);
  expect((await uninstall(machine, '--print')).out).toContain('Would stop and disable');
  for (const command of [install, uninstall])
    expect((await command(machine)).outcome).toMatch(/sudo mailbridge .*\(usage\)$/);
});

test.each(['root', 'No', '-x', 'a b'])('--user %j is wrong usage', async (name) => {
  expect((await install(fakeMachine(), `--user=${name}`)).outcome).toMatch(
    /--user needs the name of a user.*\(usage\)$/,
  );
});

test('the unit is that of the package, with user and command filled in', () => {
  const shipped = shippedUnit().split('\n');
  const filled = serviceUnit({ user: 'post', group: 'staff', program: ['/opt/n$x/node', '/opt/my 100%/m.js'] }).split(
    '\n',
  );
  expect(filled.filter((line, index) => line !== shipped[index])).toEqual([
    'User=post',
    'Group=staff',
    'ExecStart=/opt/n$$x/node "/opt/my 100%%/m.js" start --set-up --config /etc/mailbridge/config.json',
  ]);
  expect(shipped).toContain('RestartPreventExitStatus=2');
  const { files } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
    files: string[];
  };
  expect(files).toContain('service');
});

test('systemd takes the unit', (context) => {
  needProgram(context, 'systemd-analyze');
  const folder = temporaryFolder();
  const unit = join(folder, 'mailbridge.service');
  writeFileSync(unit, serviceUnit({ user: 'root', group: 'root', program }));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
