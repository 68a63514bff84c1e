import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { signIn, store } from './samples.ts';

const script = join(import.meta.dirname, 'process.ts');

/** Another process that works on a sign-in file; it does not outlive the test. */
function run(
  mode: 'rewrite' | 'count' | 'hold',
  file: string,
  times = 0,
): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [script, mode, file, String(times)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child as ChildProcess & { stdout: NodeJS.ReadableStream };
}

async function firstLine(child: { stdout: NodeJS.ReadableStream }): Promise<string> {
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return line;
}

test('killed at any moment while writing, it leaves a file that opens to a whole version, the last one told of or later', async () => {
  const file = join(temporaryFolder(), 'contoso.signin');
  const untilMs = performance.now() + 5000;
  for (let round = 0; round < 10 || (round < 200 && performance.now() < untilMs); round++) {
    const child = run('rewrite', file);
    const written: string[] = [];
    createInterface(child.stdout).on('line', (line) => written.push(line));
    await once(child.stdout, 'data');
    await sleep(Math.random() * 15);
    child.kill('SIGKILL');
    await once(child, 'close');
    const found = await store(file).read();
    expect(found?.renewedAtMs).toBeGreaterThanOrEqual(Number(written.at(-1)));
    expect(found?.msalCache).toBe(String(found?.renewedAtMs).repeat(20_000));
    const left = readdirSync(dirname(file)).filter(
      (name) => name !== 'contoso.signin' && name !== 'contoso.signin.lock',
    );
    expect(['', 'contoso.signin.tmp']).toContain(left.join());
  }
  await store(file).replace(signIn);
  expect(readdirSync(dirname(file)).sort()).toEqual(['contoso.signin', 'contoso.signin.lock']);
});

test('several processes that change one sign-in lose no change', async () => {
  const file = join(temporaryFolder(), 'contoso.signin');
  const children = Array.from({ length: 4 }, () => run('count', file, 25));
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'close'))[0] as number));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect((await store(file).read())?.renewedAtMs).toBe(100);
});

test('a process that holds the lock is waited for no longer than allowed, hinders nobody who reads, and frees it when killed', async () => {
  const file = join(temporaryFolder(), 'contoso.signin');
  await store(file).replace(signIn);
  const child = run('hold', file);
  expect(await firstLine(child)).toBe('held');

  const error = await store(file, { lockTimeoutMs: 50 })
    .replace(signIn)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'sign-in-file-locked',
    kind: 'temporary',
    message: expect.stringContaining(`"contoso" (${file}) is in use by another process`),
  });
  expect(await store(file).read()).toEqual(signIn);

  const waiting = store(file).update(async (current) => ({ result: current?.username }));
  child.kill('SIGKILL');
  expect(await waiting).toBe('jo@contoso.com');
});
