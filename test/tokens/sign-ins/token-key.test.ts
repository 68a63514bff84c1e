import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loggableError, silentLog } from '../../../src/base/log.ts';
import { type TokenKeyOptions, tokenKey } from '../../../src/tokens/sign-ins/token-key.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3));
const passphrase = 'correct horse battery staple';

function fetchKey(changes: Partial<TokenKeyOptions> = {}): Promise<Buffer> {
  return tokenKey({ env: {}, dataDir: temporaryFolder(), log: silentLog, ...changes })();
}

/** A folder as systemd creates it for a unit. */
function credentials(content: string | Buffer): NodeJS.ProcessEnv {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'mailbridge-token-key'), content, { mode: 0o400 });
  return { CREDENTIALS_DIRECTORY: folder };
}

describe('a secret', () => {
  test.each(['base64', 'base64url', 'hex'] as const)('of 32 bytes in %s is the key', async (encoding) => {
    expect(await fetchKey({ secret: bytes.toString(encoding) })).toEqual(bytes);
  });

  test('of 32 bytes in hex is the same key in capitals, and in base64 without its padding', async () => {
    expect(await fetchKey({ secret: bytes.toString('hex').toUpperCase() })).toEqual(bytes);
    expect(await fetchKey({ secret: bytes.toString('base64').replace('=', '') })).toEqual(bytes);
  });

  test('of another form is a passphrase: the key derived from it is the same on every machine', async () => {
    // As Python's hashlib.scrypt computes it.
    const derived = 'c7823f37c7bbc332e02fcf8625669c5700ae90359cc156b3233a6f75be889efb';
    expect((await fetchKey({ secret: passphrase })).toString('hex')).toBe(derived);
  });

  test('gives another key when it differs in one character, and the same however its letters are composed', async () => {
    const [one, two, composed, decomposed] = await Promise.all(
      [passphrase, `${passphrase}.`, 'Schöne Grüße an alle hier', 'Schöne Grüße an alle hier'.normalize('NFD')].map(
        (secret) => fetchKey({ secret }),
      ),
    );
    expect(one).not.toEqual(two);
    expect(composed).toEqual(decomposed);
  });

  test('of fewer than 20 characters is refused, and not told', async () => {
    const secret = 'geheim-geheim-gehei';
    const error = await fetchKey({ secret }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'token-key-invalid',
      kind: 'usage',
      message: 'The key that encrypts sign-ins cannot be used: tokenKey has 19 characters, fewer than 20.',
    });
    expect(`${error} ${inspect(error)} ${JSON.stringify(loggableError(error))}`).not.toContain(secret);
  });

  test('goes before the systemd credential and the file, and makes no file', async () => {
    const dataDir = temporaryFolder();
    const env = credentials('ff'.repeat(32));
    expect(await fetchKey({ secret: bytes.toString('hex'), env, dataDir })).toEqual(bytes);
    expect(readdirSync(dataDir)).toEqual([]);
  });
});

describe('a systemd credential', () => {
  test.each(['', '\n', '\r\n'])('is the key, ended by %j', async (end) => {
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'token.key'), `${Buffer.alloc(32).toString('base64')}\n`, { mode: 0o600 });
    expect(await fetchKey({ env: credentials(`${bytes.toString('base64')}${end}`), dataDir })).toEqual(bytes);
  });

  test('may be a passphrase', async () => {
    const env = credentials(passphrase);
    expect(await fetchKey({ env })).toEqual(await fetchKey({ secret: passphrase }));
  });

  test.each([
    ['short', 'short', 'has 5 characters'],
    ['empty', '', 'has 0 characters'],
    ['not text', Buffer.alloc(32, 0xff), 'is not text'],
  ])('that is %s is refused', async (_what, content, message) => {
    await expect(fetchKey({ env: credentials(content) })).rejects.toMatchObject({
      code: 'token-key-invalid',
      message: expect.stringMatching(new RegExp(`mailbridge-token-key ${message}`)),
    });
  });

  test('that cannot be read is no reason to take another key', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'mailbridge-token-key'));
    await expect(fetchKey({ env: { CREDENTIALS_DIRECTORY: folder } })).rejects.toMatchObject({
      code: 'token-key-unusable',
      message: expect.stringContaining('EISDIR'),
    });
  });

  test('may be missing among others', async () => {
    expect(await fetchKey({ env: { CREDENTIALS_DIRECTORY: temporaryFolder() } })).toHaveLength(32);
  });
});

describe('token.key', () => {
  test('is made on first use, for this user alone, and serves from then on', async () => {
    const dataDir = join(temporaryFolder(), 'data');
    const key = await fetchKey({ dataDir });
    const file = join(dataDir, 'token.key');
    expect(key).toHaveLength(32);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(readFileSync(file, 'utf8')).toBe(`${key.toString('base64')}\n`);
    expect(await fetchKey({ dataDir })).toEqual(key);
    expect(await fetchKey({ dataDir: temporaryFolder() })).not.toEqual(key);
  });

  test('can be given as tokenKey instead', async () => {
    const dataDir = temporaryFolder();
    const key = await fetchKey({ dataDir });
    const secret = readFileSync(join(dataDir, 'token.key'), 'utf8').trimEnd();
    expect(await fetchKey({ secret })).toEqual(key);
  });

  test('is closed when others may read it', async () => {
    const dataDir = temporaryFolder();
    const key = await fetchKey({ dataDir });
    chmodSync(join(dataDir, 'token.key'), 0o664);
    expect(await fetchKey({ dataDir })).toEqual(key);
    expect((statSync(join(dataDir, 'token.key')).mode & 0o777).toString(8)).toBe('600');
  });

  test.each([
    ['is empty', ''],
    ['is too short', bytes.subarray(1).toString('base64')],
    ['is too long', Buffer.concat([bytes, bytes]).toString('base64')],
    ['is something else', passphrase],
  ])('that %s is refused and left as it is', async (_what, content) => {
    const dataDir = temporaryFolder();
    const file = join(dataDir, 'token.key');
    writeFileSync(file, content, { mode: 0o600 });
    await expect(fetchKey({ dataDir })).rejects.toMatchObject({
      code: 'token-key-invalid',
      message: expect.stringContaining(`${file} does not hold a key of 32 bytes`),
    });
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test('that could not be read is tried again, and the key then kept', async () => {
    const dataDir = temporaryFolder();
    const file = join(dataDir, 'token.key');
    const key = tokenKey({ env: {}, dataDir, log: silentLog });
    mkdirSync(file);
    await expect(key()).rejects.toMatchObject({ code: 'token-key-unusable' });
    rmSync(file, { recursive: true });
    const first = await key();
    rmSync(file);
    expect(await key()).toEqual(first);
  });

  test('is one and the same for many who want it first, in one process and in several', async () => {
    const dataDir = temporaryFolder();
    const source = new URL('../../../src', import.meta.url).href;
    const program = `
      import { tokenKey } from '${source}/tokens/sign-ins/token-key.ts';
      import { silentLog } from '${source}/base/log.ts';
      const [, dataDir] = process.argv;
      const key = await tokenKey({ env: {}, dataDir, log: silentLog })();
      console.log(key.toString('hex'));`;
    const children = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program, dataDir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child;
    });
    const here = Promise.all(Array.from({ length: 5 }, () => fetchKey({ dataDir })));
    const there = await Promise.all(children.map((child) => text(child.stdout)));
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'close')));
    const keys = [...there.map((line) => line.trim()), ...(await here).map((key) => key.toString('hex'))];
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(readdirSync(dataDir).sort()).toEqual(['token.key', 'token.key.lock']);
  });
});

describe('the key of an installed service', () => {
  test('is read where systemd reads it, after the credential and before the file of the data folder', async () => {
    const folder = temporaryFolder();
    const serviceKey = join(folder, 'token.key');
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'token.key'), Buffer.alloc(32, 1).toString('base64'), { mode: 0o600 });
    writeFileSync(serviceKey, `${bytes.toString('base64')}\n`, { mode: 0o640 });
    expect(await fetchKey({ dataDir, serviceKey })).toEqual(bytes);
    // The service's group must still be able to read it.
    expect(statSync(serviceKey).mode & 0o777).toBe(0o640);
    const env = credentials(Buffer.alloc(32, 2).toString('base64'));
    expect(await fetchKey({ dataDir, serviceKey, env })).toEqual(Buffer.alloc(32, 2));
    rmSync(serviceKey);
    expect(await fetchKey({ dataDir, serviceKey })).toEqual(Buffer.alloc(32, 1));
  });
});

test('for sign-ins that instances share, no key is made or taken from the data folder', async () => {
  const dataDir = temporaryFolder();
  await tokenKey({ env: {}, dataDir, log: silentLog })();
  const shared = { env: {}, dataDir, log: silentLog, isShared: true };
  await expect(tokenKey(shared)()).rejects.toMatchObject({
    code: 'token-key-needed',
    kind: 'usage',
    remedy: expect.stringContaining('openssl rand -base64 32'),
  });
  expect(await tokenKey({ ...shared, secret: '00'.repeat(32) })()).toEqual(Buffer.alloc(32));
});
