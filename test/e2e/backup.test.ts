import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fillQueue, world } from '../cli/backup/world.ts';
import { alice, bob, type LoginWorld, loginWorld } from '../cli/sign-in/login-world.ts';
import { skipLoudly } from '../support/external.ts';
import { Mailbridge } from '../support/process.ts';
import { arrived, until } from '../support/relay.ts';
import { noteSecret } from '../support/secret-search/record.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const passphrase = 'four words nobody guesses';
const large = `${'x'.repeat(70)}\r\n`.repeat(3000);

async function signedIn(): Promise<LoginWorld> {
  const world = await loginWorld([{ send: 'smtp', read: 'imap', networks: ['127.0.0.1'] }]);
  Object.assign(world.more, {
    listeners: [{ protocol: 'smtp', port: 0, security: 'starttls' }],
    log: { level: 'info', format: 'json' },
    queue: { retryBaseSeconds: 86_400, retryMaxSeconds: 86_400 },
    limits: { messagesPerMinute: 1000 },
  });
  expect(await world.logIn(alice)).toMatchObject({ code: 0 });
  return world;
}

async function startBridge(configFile: string): Promise<Mailbridge> {
  const bridge = await Mailbridge.start(configFile);
  onTestFinished(async () => void (await bridge.kill()));
  return bridge;
}

async function send(bridge: Mailbridge, subject: string, body: string): Promise<void> {
  const client = await SmtpDialogue.open(bridge.port());
  await client.say('EHLO test');
  await client.say(`MAIL FROM:<${alice}>`);
  await client.say(`RCPT TO:<${bob}>`);
  expect(await client.message(`Subject: ${subject}\r\n\r\n${body}`)).toMatch(/^250 /);
}

async function command(...args: string[]): Promise<string> {
  const env = { MAILBRIDGE_BACKUP_PASSPHRASE: passphrase };
  const run = Mailbridge.run(args, { env });
  expect(await run.exit(), `${args.join(' ')}: ${run.stderr}`).toMatchObject({ code: 0 });
  return run.stdout;
}

interface Listed {
  readonly id: string;
  readonly size: number;
  readonly state: string;
  readonly attempts: number;
}

async function list(configFile: string, ...args: string[]): Promise<Listed[]> {
  return JSON.parse(await command('queue', 'list', '--json', ...args, '--config', configFile));
}

test('a backup of a running bridge brings up another: signed in, with all that waited', {
  timeout: 180_000,
}, async () => {
  noteSecret('configured secret', passphrase);
  const { m365, configFile, folder } = await signedIn();
  const bridge = await startBridge(configFile);
  m365.faults.add({ target: 'smtp', kind: 'reply', at: 'data', status: 451, code: '4.3.2', text: 'later' }, 2);
  await send(bridge, 'small one', 'Hello\r\n');
  await send(bridge, 'large one', large);
  const [small] = await until('the first attempts', async () => {
    const found = await list(configFile);
    return found.length === 2 && found.every(({ attempts }) => attempts === 1) && found;
  });
  const file = join(temporaryFolder(), 'backup.age');
  expect(await command('backup', file, '--config', configFile)).toContain('a queue with 2 messages that wait');

  // After the backup one of the two is delivered, and the machine is lost.
  await command('queue', 'retry', small?.id ?? '', '--config', configFile);
  await arrived(m365, bob, 'INBOX', 'small one');
  await until('the outcome', async () => (await list(configFile)).length === 1);
  await bridge.kill();
  rmSync(folder, { recursive: true });

  const restored = join(temporaryFolder(), 'config.json');
  expect(await command('restore', file, '--config', restored)).toContain('2 messages held');
  // A copy that is not in Sent Items after this time was not sent.
  writeFileSync(restored, readFileSync(restored, 'utf8').replaceAll('86400', '1'));
  const again = await startBridge(restored);
  expect((await list(restored)).map(({ state }) => state)).toEqual(['held', 'held']);
  await send(again, 'a new one', 'Hello\r\n');
  await arrived(m365, bob, 'INBOX', 'a new one');
  await command('queue', 'release', '--state', 'held', '--config', restored);
  expect((await arrived(m365, bob, 'INBOX', 'large one')).toString()).toContain(large);
  await until('the outcomes', async () => (await list(restored, '--state', 'delivered')).length === 3);
  // The message delivered after the backup was found in Sent Items and not sent again.
  const subjects = m365.directory
    .messages(bob, 'INBOX')
    .map(({ content }) => /^Subject: (.*)\r$/m.exec(`${content}`)?.[1]);
  expect(subjects.toSorted()).toEqual(['a new one', 'large one', 'small one']);
});

test('Ctrl-C leaves nothing of a backup', { timeout: 120_000 }, async () => {
  const { configFile, folder } = await signedIn();
  const bridge = await startBridge(configFile);
  await send(bridge, 'large one', large);
  const target = temporaryFolder();
  const file = join(target, 'backup.age');
  const env = { MAILBRIDGE_BACKUP_PASSPHRASE: passphrase };
  const run = Mailbridge.run(['backup', file, '--config', configFile], { env });
  await until('its work folder', () => workFolder(folder));
  run.signal('SIGINT');
  expect(await run.exit()).toMatchObject({ code: 1 });
  expect(run.stderr).toContain('Interrupted.');
  expect(readdirSync(target)).toEqual([]);
  expect(workFolder(folder)).toBe(false);
  await command('backup', file, '--config', configFile);
  expect(readFileSync(file).subarray(0, 21).toString()).toBe('age-encryption.org/v1');
});

test('where standard output takes no more, a line says so, and nothing is left', {
  timeout: 120_000,
}, async (context) => {
  if (!existsSync('/dev/full')) skipLoudly(context, 'no /dev/full here');
  const { configFile, dataDir } = world();
  const [, large] = await fillQueue(dataDir);
  const program = `'${process.execPath}' '${join(import.meta.dirname, '../../src/main.ts')}'`;
  const shell = (line: string) =>
    spawnSync('bash', ['-o', 'pipefail', '-c', line], {
      encoding: 'utf8',
      env: { ...process.env, MAILBRIDGE_BACKUP_PASSPHRASE: passphrase, MAILBRIDGE_CONFIG: configFile },
    });
  const full = shell(`${program} backup - > /dev/full`);
  expect([full.status, full.stderr]).toEqual([
    2,
    expect.stringMatching(/^mailbridge: Standard output cannot be written \(ENOSPC\)\. .*\(file-not-written\)\n$/),
  ]);
  expect(shell(`${program} backup - | true`)).toMatchObject({ status: 2, stderr: expect.stringContaining('(EPIPE)') });
  expect(readdirSync(dataDir).filter((name) => name.startsWith('backup-'))).toEqual([]);
  // A reader may stop before the end of a message.
  expect(shell(`${program} queue export ${large} | true`)).toMatchObject({ status: 0, stderr: '' });
  expect(shell(`${program} queue export ${large} > /dev/full`)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(
      /^mailbridge: Standard output cannot be written \(ENOSPC\)\. .*\(file-not-written\)\n$/,
    ),
  });
});

function workFolder(folder: string): boolean {
  return readdirSync(join(folder, 'data')).some((name) => name.startsWith('backup-'));
}
