import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { completions } from '../../../packaging/completions.ts';
import { debianPackage } from '../../../packaging/debian/package.ts';
import { programFiles } from '../../../packaging/files.ts';
import { microsoft365 } from '../../simulator/harness.ts';
import { lacks, needProgram } from '../../support/external.ts';
import { freePorts } from '../../support/ports.ts';
import { arrived } from '../../support/relay.ts';
import { setUpApi, setUpByApi } from '../../support/set-up-by-api.ts';
import { built, needBuilt } from '../built.ts';
import { cronAccount, nowhere, smtpListener } from '../nowhere.ts';
import { DebianRoot } from './root.ts';

const configOn = (port: number) => ({
  dataDir: '/var/lib/mailbridge',
  hostname: 'bridge.example',
  listeners: [smtpListener(port)],
  connections: { nowhere: { ...nowhere, clientSecret: { file: '/etc/mailbridge/secret' } } },
  accounts: [cronAccount],
});

describe('in a Debian of its own', { timeout: 120_000 }, () => {
  let root: DebianRoot | undefined;
  let port = 0;
  const debian = () => root as DebianRoot;
  // That of a test would be gone with it.
  const folder = mkdtempSync(join(tmpdir(), 'mailbridge-test-'));

  beforeEach(async (context) => {
    needBuilt(context, 'debian');
    needProgram(context, 'dpkg');
    if (root === undefined && !DebianRoot.isPossible())
      lacks(context, 'this machine allows no layers of a file system');
    if (root === undefined) {
      // The service reads from there as well.
      chmodSync(folder, 0o755);
      await writePackages(folder);
      port = await freePorts(1);
      root = DebianRoot.open(folder, folder);
    }
  }, 120_000);
  afterAll(async () => {
    await root?.close();
    rmSync(folder, { recursive: true });
  });

  test('before there is nothing of mailbridge', async () => {
    await debian().must(`rm -rf /etc/mailbridge /var/lib/mailbridge; ${everything} > /before`);
    expect((await debian().run('getent passwd mailbridge')).status).toBe(2);
  });

  test('apt installs the version before: user, folders, key, unit, sendmail', async () => {
    await debian().must('apt-get install -q -y --no-install-recommends /packages/before.deb');
    expect(await debian().must('getent passwd mailbridge')).toMatch(
      /^mailbridge:x:\d+:\d+:.*:\/var\/lib\/mailbridge:\/usr\/sbin\/nologin$/,
    );
    expect(
      await debian().must('stat -c "%U:%G %a %n" /etc/mailbridge /etc/mailbridge/token.key /var/lib/mailbridge'),
    ).toBe(
      'root:mailbridge 770 /etc/mailbridge\nroot:mailbridge 640 /etc/mailbridge/token.key\nmailbridge:mailbridge 700 /var/lib/mailbridge',
    );
    expect(await debian().must('base64 -d /etc/mailbridge/token.key | wc -c')).toBe('32');
    expect(await debian().must('readlink -f /usr/sbin/sendmail')).toBe('/usr/lib/mailbridge/sendmail');
    expect(await debian().must('readlink /etc/systemd/system/multi-user.target.wants/mailbridge.service')).toMatch(
      /\/lib\/systemd\/system\/mailbridge\.service$/,
    );
    expect(await debian().must('mailbridge --version')).toBe(built.version);
    expect(await debian().must('mailbridge help errors config-not-found')).toContain('What to do');
  });

  test('before anything is edited the service shows the page of the set-up', async () => {
    await start(debian(), '"set-up: ', `MAILBRIDGE_SETUP_PORT=${port}`);
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<script type="module" src="/ui/main.js">');
    await stop(debian());
  });

  test('nothing is edited: set up by that page, mail flows, and it does after a restart', async () => {
    const m365 = await microsoft365({ mailboxes: ['reports@contoso.example', 'alice@contoso.example'] });
    m365.tenant.apps.delete(m365.clientId.toLowerCase());
    m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.05;
    const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
    copyFileSync(caFile, join(folder, 'microsoft.pem'));
    chmodSync(join(folder, 'microsoft.pem'), 0o644);
    const cloud = { authority, graph, imap, pop3, smtp, caFile: '/packages/microsoft.pem' };
    await start(debian(), '"set-up: ', `MAILBRIDGE_SETUP_PORT=${port}`);
    const token = await debian().must('mailbridge admin token');
    const made = await setUpByApi(setUpApi(`http://127.0.0.1:${port}/`, token), m365, { cloud });
    await stop(debian());
    await start(debian());
    const config = JSON.parse(await debian().must('cat /etc/mailbridge/config.json')) as {
      readonly listeners: readonly { readonly protocol: string; readonly port: number }[];
    };
    const listener = config.listeners.find(({ protocol }) => protocol === 'smtp');
    const client = createTransport({
      ...{ host: '127.0.0.1', port: listener?.port ?? 0, requireTLS: true, tls: { rejectUnauthorized: false } },
      auth: { user: made.username, pass: made.password },
    });
    const message = { from: 'reports@contoso.example', to: 'alice@contoso.example', subject: 'from a fresh Debian' };
    await client.sendMail({ ...message, text: 'hello' });
    await arrived(m365, 'alice@contoso.example', 'INBOX', 'from a fresh Debian');
    client.close();
    await stop(debian());
    await debian().must('rm -r /var/lib/mailbridge/* /etc/mailbridge/config.json*');
  });

  test('the service may write its configuration, and runs as the unit says', async () => {
    await debian().must(`echo 'not-a-secret-of-anybody' > /etc/mailbridge/secret`, 'mailbridge');
    await debian().must(
      `umask 077; echo '${JSON.stringify(configOn(port))}' > /etc/mailbridge/config.json`,
      'mailbridge',
    );
    await start(debian());
  });

  test('what any user hands to sendmail waits in the queue', async () => {
    await debian().must(
      `echo 'SENDMAIL_OPTIONS="--server 127.0.0.1:${port} --sender cron@contoso.com"' >> /etc/default/mailbridge`,
    );
    await debian().must(`printf 'Subject: disk full\\n\\nhelp\\n' | /usr/sbin/sendmail admin@contoso.com`, 'nobody');
    expect(await queued(debian())).toEqual(['admin@contoso.com']);
    await stop(debian());
  });

  test('an upgrade keeps configuration, keys, sign-ins, options and queue', async () => {
    await debian().must(
      'install -d -m 0700 /var/lib/mailbridge/sign-ins; echo x > /var/lib/mailbridge/sign-ins/a.token',
      'mailbridge',
    );
    const kept =
      'cat /etc/mailbridge/* /etc/default/mailbridge /var/lib/mailbridge/sign-ins/* | sha256sum; stat -c "%U %a %n" /etc/mailbridge/*';
    const before = await debian().must(kept);
    await debian().must(`apt-get install -q -y /packages/${basename(built.debian)}`);
    expect(await debian().must('dpkg-query -W mailbridge')).toBe(`mailbridge\t${built.version}`);
    expect(await debian().must(kept)).toBe(before);
    expect(await queued(debian())).toEqual(['admin@contoso.com']);
    await start(debian());
    await stop(debian());
    expect(await queued(debian())).toEqual(['admin@contoso.com']);
  });

  test('manual pages and completions are where they are looked for', async (context) => {
    needProgram(context, 'man');
    const paths =
      '/usr/share/man/man1/mailbridge.1.gz /usr/share/man/man5/mailbridge-config.5.gz /usr/share/bash-completion/completions/mailbridge';
    await debian().must(`ls ${paths}`);
    expect(await debian().must('zcat /usr/share/doc/mailbridge/THIRD-PARTY-NOTICES.gz')).toContain('node 24');
  });

  test('the unit is one that systemd takes, with little exposure', async (context) => {
    needProgram(context, 'systemd-analyze');
    if (process.env.DEBIAN_ROOT) return context.skip('this root has no systemd');
    const unit = '/usr/lib/systemd/system/mailbridge.service';
    expect(await debian().must(`systemd-analyze verify ${unit}`)).toBe('');
    await debian().must(`systemd-analyze security --offline=true --threshold=20 --no-pager ${unit}`);
  });

  test('a removal keeps what waits, and gives sendmail back', async () => {
    await debian().must('apt-get remove -q -y mailbridge');
    expect((await debian().run('test -e /usr/sbin/sendmail')).status).toBe(1);
    await debian().must('test -s /etc/mailbridge/config.json && test -d /var/lib/mailbridge/queue');
    await debian().must('getent passwd mailbridge');
  });

  test('a purge leaves nothing', async () => {
    await debian().must('apt-get purge -q -y mailbridge');
    await debian().must(`${everything} > /after`);
    expect((await debian().run('diff /before /after')).output).toBe('');
    expect((await debian().run('getent passwd mailbridge; getent group mailbridge')).output).toBe('');
  });
});

/** Every path that packages write to, except the records of dpkg and apt. */
const everything =
  "find /etc /usr /var/lib /var/cache /opt -xdev -name '*mailbridge*' -not -path '*/packages/*' | sort";

/** Starts what the unit starts, as its user, and waits until it is ready or has printed something else. */
async function start(root: DebianRoot, until = '"ready: smtp', variable = ''): Promise<void> {
  const unit = await root.must('cat /usr/lib/systemd/system/mailbridge.service');
  const command = /^ExecStart=(.*)$/m.exec(unit)?.[1];
  await root.must(
    `umask 077; : > /var/lib/mailbridge/log; ${variable} ${command} > /var/lib/mailbridge/log 2>&1 & echo $! > /var/lib/mailbridge/pid`,
    'mailbridge',
  );
  await root.must(
    `for n in $(seq 300); do grep -q '${until}' /var/lib/mailbridge/log && exit 0; sleep 0.1; done; cat /var/lib/mailbridge/log; exit 1`,
  );
}

async function stop(root: DebianRoot): Promise<void> {
  const gone = 'pid=$(cat /var/lib/mailbridge/pid); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done';
  await root.must(`${gone}; rm /var/lib/mailbridge/pid; grep -q '"stopped"' /var/lib/mailbridge/log`);
}

/** The recipients of the messages in the queue. */
async function queued(root: DebianRoot): Promise<string[]> {
  const messages = JSON.parse(await root.must('mailbridge queue list --json')) as {
    recipients: { address: string }[];
  }[];
  return messages.flatMap(({ recipients }) => recipients.map(({ address }) => address));
}

/** The package, and the same program as an earlier version. */
async function writePackages(folder: string): Promise<void> {
  linkOrCopy(built.debian, join(folder, basename(built.debian)));
  const before = await debianPackage({
    version: `${built.version}~before`,
    architecture: 'amd64',
    executable: readFileSync(built.executable),
    files: await programFiles(built.version, ''),
    completions: await completions(),
  });
  writeFileSync(join(folder, 'before.deb'), before);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    writeFileSync(to, readFileSync(from));
  }
}

test('lintian finds no error', { timeout: 300_000 }, (context) => {
  needBuilt(context, 'debian');
  needProgram(context, 'lintian');
  const args = ['--fail-on', 'error,warning', '--tag-display-limit', '0', built.debian];
  const { status, stdout } = spawnSync('lintian', args, { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});
