import { appendFileSync, chmodSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { PasswordVerifier } from '../../../../src/accounts/password-verifier.ts';
import { hashPassword } from '../../../../src/accounts/passwords.ts';
import { checkPasswordFile } from '../../../../src/accounts/sources/file/check.ts';
import { readPasswordLines } from '../../../../src/accounts/sources/file/lines.ts';
import { FilePasswords } from '../../../../src/accounts/sources/file/source.ts';
import { type Clock, systemClock } from '../../../../src/base/clock.ts';
import { openLog } from '../../../../src/base/log.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const hash = await hashPassword('alice-in-the-file');
const otherHash = await hashPassword('bob-in-the-file');

/** The machine's clock, advanced by hand. */
class MovedClock implements Clock {
  ahead = 0;
  now(): number {
    return Date.now() + this.ahead;
  }
  after(delayMs: number, callback: () => void): () => void {
    return systemClock.after(delayMs, callback);
  }
}

function world(content: string, mode = 0o640) {
  const file = join(temporaryFolder(), 'passwords');
  writeFileSync(file, content, { mode });
  const clock = new MovedClock();
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _, done) => done(void lines.push(String(chunk))) });
  const log = openLog({ level: 'info', format: 'json', destination });
  const source = new FilePasswords({ file, verifier: new PasswordVerifier(), clock, log });
  const verdict = async (person: string, password: string) => {
    clock.ahead += 1_001;
    return (await source.verify(person, password, '192.0.2.1')).verdict;
  };
  /** As if it had been written this long before the next look. */
  const writtenAgo = (ms: number) => {
    const at = new Date(clock.now() + 1_001 - ms);
    utimesSync(file, at, at);
  };
  return { file, source, verdict, writtenAgo, logged: () => lines.map((line) => JSON.parse(line)), lines };
}

test('comments, blank lines, line ends of Windows, a byte order mark, names in any case', () => {
  const text = `\uFEFF# people\r\n\r\nAlice@Contoso.com:${hash}\r\n  # more\nMÜLLER:${otherHash}`;
  const { hashes, problems, looksCut } = readPasswordLines(Buffer.from(text));
  expect([...hashes]).toEqual([
    ['alice@contoso.com', hash],
    ['müller', otherHash],
  ]);
  expect([problems, looksCut]).toEqual([[], false]);
});

test('each line that is wrong is named, and none is quoted', () => {
  const bad = [
    'alice',
    ':$scrypt$',
    'alice:geheim-und-klar',
    'alice:$2y$10$abcdefghijklmnopqrstuv',
    `alice:${hash.slice(0, -2)}`,
    ` alice:${hash}`,
    `al\u0007ice:${hash}`,
    `${'a'.repeat(256)}:${hash}`,
    `alice:${'x'.repeat(2_000)}`,
    Buffer.from([0xff, 0xfe]).toString('latin1'),
    `bob:${hash}`,
    `BOB:${otherHash}`,
  ];
  const { hashes, problems } = readPasswordLines(Buffer.from(`${bad.join('\n')}\n`));
  expect([...hashes.keys()]).toEqual(['bob']);
  expect(hashes.get('bob')).toBe(hash);
  expect(problems.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
  expect(problems.at(-1)?.text).toBe('the name stands in line 11 already');
  expect(JSON.stringify(problems)).not.toMatch(/geheim|abcdefgh|xxx|alice/);
});

test('somebody added, changed and removed, in place or by a new file', async () => {
  const { file, verdict } = world(`alice:${hash}\n`);
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
  appendFileSync(file, `bob:${otherHash}\n`);
  expect(await verdict('bob', 'bob-in-the-file')).toBe('right');
  writeFileSync(`${file}.new`, `alice:${otherHash}\n`, { mode: 0o640 });
  renameSync(`${file}.new`, file);
  expect(await verdict('alice', 'alice-in-the-file')).toBe('wrong');
  expect(await verdict('alice', 'bob-in-the-file')).toBe('right');
  expect(await verdict('bob', 'bob-in-the-file')).toBe('wrong');
});

test('within a second nobody looks again', async () => {
  const { file, verdict, source } = world(`alice:${hash}\n`);
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
  appendFileSync(file, `bob:${otherHash}\n`);
  expect((await source.verify('bob', 'bob-in-the-file', '192.0.2.1')).verdict).toBe('wrong');
});

test('what is half written, gone or unfit leaves in force what was read last, and the log says so once', async () => {
  const { file, verdict, writtenAgo, logged } = world(`alice:${hash}\nbob:${otherHash}\n`);
  expect(await verdict('bob', 'bob-in-the-file')).toBe('right');
  truncateSync(file, 0);
  writtenAgo(500);
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
  rmSync(file);
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
  expect(await verdict('bob', 'bob-in-the-file')).toBe('right');
  const faults = logged().filter(({ level }) => level === 50);
  expect(faults.map(({ msg }) => msg)).toEqual([`the password file ${file} does not exist`]);
  expect(faults[0]).toMatchObject({ error: { code: 'password-file-unusable' } });
  writeFileSync(file, `alice:${hash}\n`, { mode: 0o640 });
  expect(await verdict('bob', 'bob-in-the-file')).toBe('wrong');
  expect(logged().map(({ msg }) => msg)).toContain(`the password file ${file} can be read again`);
});

test('a file cut in its last line is taken once nobody writes it any more', async () => {
  const { file, verdict, writtenAgo } = world(`alice:${hash}\nbob:${otherHash}\n`);
  expect(await verdict('bob', 'bob-in-the-file')).toBe('right');
  writeFileSync(file, `alice:${hash}\nbob:${otherHash.slice(0, 40)}`);
  writtenAgo(500);
  expect(await verdict('bob', 'bob-in-the-file')).toBe('right');
  writtenAgo(2_500);
  expect(await verdict('bob', 'bob-in-the-file')).toBe('wrong');
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
});

test('a file that everybody can write is not used; one that everybody can read is, with a warning', async () => {
  const open = world(`alice:${hash}\n`);
  chmodSync(open.file, 0o666);
  expect(await open.verdict('alice', 'alice-in-the-file')).toBe('unavailable');
  await expect(checkPasswordFile(open.file, systemClock)).rejects.toMatchObject({
    code: 'password-file-unusable',
    message: `The password file ${open.file} can be written by every user of this machine: chmod 640.`,
  });
  chmodSync(open.file, 0o644);
  expect(await open.verdict('alice', 'alice-in-the-file')).toBe('right');
  expect(open.logged().filter(({ level }) => level === 40)).toHaveLength(1);
  expect(await checkPasswordFile(open.file, systemClock)).toMatchObject({
    detail: '1 person',
    warning: expect.stringMatching(/^Every user of this machine may read .*chmod 640/),
  });
});

test('check names the lines; the log does too, and neither tells a hash', async () => {
  const { file, verdict, lines } = world(`alice:${hash}\nbob:geheim-und-klar\ncarol:$1$abc$defghij\n`);
  await expect(checkPasswordFile(file, systemClock)).rejects.toMatchObject({
    code: 'password-line-invalid',
    message: expect.stringMatching(/bad lines: line 2: not a hash .*; line 3: not a hash /),
  });
  expect(await verdict('alice', 'alice-in-the-file')).toBe('right');
  expect(lines.join('')).toMatch(/line 2: not a hash/);
  expect(lines.join('')).not.toMatch(/geheim-und-klar|defghij/);
});

test.each([
  ['a folder', (file: string) => join(file, '..'), 'is not a regular file'],
  ['a device', () => '/dev/zero', 'is not a regular file'],
])('%s is no password file', async (_, of, fault) => {
  const path = of(join(temporaryFolder(), 'x'));
  await expect(checkPasswordFile(path, systemClock)).rejects.toMatchObject({
    code: 'password-file-unusable',
    message: expect.stringContaining(fault),
  });
});

test('a file of more than 4 MB is not read', async () => {
  const { file } = world('');
  truncateSync(file, 4 * 1024 * 1024 + 1);
  await expect(checkPasswordFile(file, systemClock)).rejects.toThrow('is larger than 4194304 bytes');
});
