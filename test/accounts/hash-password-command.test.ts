import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { verifyPassword } from '../../src/accounts/passwords.ts';
import { readPasswordLines } from '../../src/accounts/sources/file/lines.ts';
import { runHashPassword } from '../../src/cli/hash-password.ts';
import { run } from '../config/capture.ts';

function pipe(...chunks: (string | Buffer)[]): PassThrough {
  const stdin = new PassThrough();
  for (const chunk of chunks) stdin.write(chunk);
  return stdin.end();
}

/** A terminal where these keys are pressed. Records whether it was in raw mode at the time. */
function terminal(...keys: string[]) {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    modes: [] as boolean[],
    setRawMode(raw: boolean) {
      stdin.modes.push(raw);
      if (raw) for (const key of keys.splice(0)) stdin.write(key);
    },
  });
  return stdin;
}

test('the first line of standard input is hashed, however it ends', async () => {
  for (const stdin of [pipe('geheim'), pipe('geheim\n'), pipe('geheim\r\nmore\n'), pipe('ge', 'heim\n')]) {
    const { code, stdout, stderr } = await run(runHashPassword, [], { stdin });
    expect([code, stderr]).toEqual([0, '']);
    expect(await verifyPassword(stdout.trimEnd(), 'geheim')).toBe(true);
  }
});

test('--json prints the hash as data', async () => {
  const { stdout } = await run(runHashPassword, ['--json'], { stdin: pipe('geheim\n') });
  expect(JSON.parse(stdout)).toEqual({ hash: expect.stringMatching(/^\$scrypt\$/) });
});

test.each([[['hunter2']], [['--', '-hunter2']], [['--hunter2']], [['-p', 'hunter2']], [['--password=hunter2']]])(
  'a password on the command line (%j) is refused with the reason and not repeated, exit 2',
  async (args) => {
    const { code, stdout, stderr } = await run(runHashPassword, args, { stdin: pipe('geheim\n') });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /not taken from the command line, where other users of this machine and the shell history see it/,
    );
    expect(stderr).not.toContain('hunter2');
  },
);

test('nothing, and too much, on standard input is an error', async () => {
  expect(await run(runHashPassword, [], { stdin: pipe('\n') })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('empty'),
  });
  expect(await run(runHashPassword, [], { stdin: pipe() })).toMatchObject({ code: 1, stdout: '' });
  const long = await run(runHashPassword, [], { stdin: pipe('x'.repeat(2000)) });
  expect(long).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^mailbridge: The password is longer than 1024 bytes\. .*\(password-unusable\)\n$/),
  });
});

test('at a terminal it asks twice and shows nothing of what is typed', async () => {
  const stdin = terminal('gehx\u007feim\rge', 'heim\r');
  const { code, stdout, stderr } = await run(runHashPassword, [], { stdin });
  expect([code, stderr]).toEqual([0, 'Password: \nAgain: \n']);
  expect(await verifyPassword(stdout.trimEnd(), 'geheim')).toBe(true);
  expect(stdin.modes).toEqual([true, false, true, false]);
});

test('two different entries are asked for again', async () => {
  const stdin = terminal('geheim\rgehiem\r', 'geheim\rgeheim\r');
  const { code, stdout, stderr } = await run(runHashPassword, [], { stdin });
  expect(code).toBe(0);
  expect(stderr).toBe(
    'Password: \nAgain: \n! The passwords do not match. Type both again, or press Ctrl-C.\nPassword: \nAgain: \n',
  );
  expect(await verifyPassword(stdout.trimEnd(), 'geheim')).toBe(true);
});

test('Ctrl-C makes no hash and leaves the terminal as it was', async () => {
  for (const keys of ['geh\u0003', 'geheim\rgeh\u0003', 'geheim\rgehiem\r\u0003']) {
    const stdin = terminal(keys);
    expect(await run(runHashPassword, [], { stdin })).toMatchObject({ code: 1, stdout: '' });
    expect(stdin.modes.at(-1)).toBe(false);
  }
});

test('--user prints a line for a password file', async () => {
  const { code, stdout } = await run(runHashPassword, ['--user', 'alice@contoso.com'], { stdin: pipe('geheim\n') });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^alice@contoso\.com:\$scrypt\$\S+\n$/)]);
  expect([...readPasswordLines(Buffer.from(stdout)).hashes.keys()]).toEqual(['alice@contoso.com']);
  const json = await run(runHashPassword, ['--user', 'alice', '--json'], { stdin: pipe('geheim\n') });
  expect(JSON.parse(json.stdout)).toEqual({ user: 'alice', hash: expect.stringMatching(/^\$scrypt\$/) });
});

test.each(['', ' alice', 'a:b', '#alice', 'al\nice'])('--user %j cannot stand in a password file', async (name) => {
  const { code, stdout, stderr } = await run(runHashPassword, ['--user', name], { stdin: pipe('geheim\n') });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/--user needs a name without colons/);
});
