import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SignInStore } from '../../../src/tokens/sign-ins/store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { keptLog } from '../../support/kept-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { refusal } from './refusal.ts';
import { refreshToken, signIn, store } from './samples.ts';

const newFile = () => join(temporaryFolder(), 'contoso.signin');
const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

describe('a sign-in file', () => {
  test('is empty until somebody has signed in, and makes no file by being read', async () => {
    const file = newFile();
    expect(await store(file).read()).toBeUndefined();
    expect(readdirSync(dirname(file))).toEqual([]);
  });

  test('writes it encrypted and for this user alone, in a folder of the same kind', async () => {
    const file = join(temporaryFolder(), 'data', 'sign-ins', 'contoso.signin');
    await store(file).replace(signIn);
    const content = readFileSync(file).toString('latin1');
    for (const hidden of [refreshToken, 'jo@', 'Mail.Send', 'contoso', 'microsoftonline']) {
      expect(content).not.toContain(hidden);
    }
    expect([mode(file), mode(`${file}.lock`), mode(dirname(file))]).toEqual(['600', '600', '700']);
    expect(readdirSync(dirname(file)).sort()).toEqual(['contoso.signin', 'contoso.signin.lock']);
  });

  test('closes a file that others may read, says so, and uses it', async () => {
    const file = newFile();
    await store(file).replace(signIn);
    chmodSync(file, 0o644);
    const { log, lines } = keptLog();
    expect(await store(file, { log }).read()).toEqual(signIn);
    expect(mode(file)).toBe('600');
    const told = [expect.objectContaining({ msg: expect.stringContaining('was readable by other users') })];
    expect(lines).toEqual(told);
    await store(file, { log }).read();
    expect(lines).toEqual(told);
  });

  test('leaves nothing of a sign-in that is forgotten', async () => {
    const file = newFile();
    await store(file).replace(signIn);
    await store(file).remove();
    expect(existsSync(file)).toBe(false);
  });
});

describe('a file that cannot be opened', () => {
  const cases: [string, string, (file: string) => Promise<SignInStore>][] = [
    [
      'is something else',
      'sign-in-file-foreign',
      async (file) => {
        writeFileSync(file, '{"listeners":[]}');
        return store(file);
      },
    ],
    [
      'is far too large',
      'sign-in-file-foreign',
      async (file) => {
        await store(file).replace(signIn);
        writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(5_000_000)]));
        return store(file);
      },
    ],
    [
      'is empty',
      'sign-in-file-damaged',
      async (file) => {
        writeFileSync(file, '');
        return store(file);
      },
    ],
    [
      'was cut short',
      'sign-in-file-damaged',
      async (file) => {
        await store(file).replace(signIn);
        writeFileSync(file, readFileSync(file).subarray(0, -40));
        return store(file);
      },
    ],
    [
      'is of a later version',
      'sign-in-file-newer',
      async (file) => {
        await store(file).replace(signIn);
        const later = readFileSync(file);
        later.writeUInt8(2, 8);
        writeFileSync(file, later);
        return store(file);
      },
    ],
  ];

  test.each(cases)('because it %s is refused and left as it is', async (_why, code, prepare) => {
    const file = newFile();
    const signIns = await prepare(file);
    const before = readFileSync(file);
    const error = await refusal(signIns.read());
    expect(error).toMatchObject({ code, kind: 'needs-admin', details: { connection: 'contoso', file } });
    expect(error.remedy).toContain('"mailbridge login"');
    let changed = false;
    const update = signIns.update(async () => {
      changed = true;
      return { signIn, result: undefined };
    });
    expect((await refusal(update)).code).toBe(code);
    expect(changed).toBe(false);
    expect(readFileSync(file)).toEqual(before);
  });

  test.each(cases)('because it %s makes way for a new sign-in, and is kept', async (_why, _code, prepare) => {
    const file = newFile();
    const signIns = await prepare(file);
    const before = readFileSync(file);
    await signIns.replace({ ...signIn, username: 'new@contoso.com' });
    expect((await signIns.read())?.username).toBe('new@contoso.com');
    const aside = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}.unreadable-`));
    expect(aside).toHaveLength(1);
    expect(readFileSync(join(dirname(file), aside[0]!))).toEqual(before);
  });

  test('is moved aside under the time, by removing the sign-in as well', async () => {
    const file = newFile();
    writeFileSync(file, 'something else');
    await store(file, { clock: new FakeClock(Date.UTC(2026, 10, 21, 7, 30)) }).remove();
    expect(readdirSync(dirname(file)).sort()).toEqual([
      'contoso.signin.lock',
      'contoso.signin.unreadable-2026-11-21T07-30-00-000Z',
    ]);
  });
});

describe('a place that cannot be used', () => {
  test('is named: a folder in place of the file', async () => {
    const file = newFile();
    mkdirSync(file);
    for (const use of ['read', 'replace', 'remove'] as const) {
      const error = await refusal(store(file)[use](signIn));
      expect(error.code).toBe('sign-in-file-unusable');
      expect(error.message).toContain(`"contoso" (${file}) cannot be read (not a regular file)`);
    }
  });

  test('is named: a file in place of the folder', async () => {
    const folder = newFile();
    writeFileSync(folder, '');
    const error = await refusal(store(join(folder, 'contoso.signin')).replace(signIn));
    expect(error).toMatchObject({ code: 'sign-in-file-unusable', message: expect.stringContaining('EEXIST') });
  });

  test('is named: a lock file that is something else', async () => {
    const file = newFile();
    writeFileSync(`${file}.lock`, 'a text of some length that no database starts with'.repeat(20));
    const error = await refusal(store(file).replace(signIn));
    expect(error).toMatchObject({ code: 'sign-in-file-unusable', message: expect.stringContaining('not a database') });
  });

  test('leaves the file as it was when the new content cannot be written', async () => {
    const file = newFile();
    await store(file).replace(signIn);
    mkdirSync(`${file}.tmp`);
    expect((await refusal(store(file).replace({ ...signIn, username: 'x@contoso.com' }))).code).toBe(
      'sign-in-file-unusable',
    );
    expect(await store(file).read()).toEqual(signIn);
  });
});
