import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';
import { type NotedSecret, type Origin, secretKinds } from './record.ts';
import { reportOf } from './report.ts';
import { searchRun } from './search.ts';

const start: Origin = { command: ['start'], pid: 4711, stream: 'standard output', test: resolve('test/one.test.ts') };

/** Searches the traces that a run might have left: secrets, and one output. */
function search(secrets: readonly NotedSecret[], written: string, origin: Origin = start) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a.secrets'), secrets.map((each) => `${JSON.stringify(each)}\n`).join(''));
  writeFileSync(join(folder, 'b.output'), `${JSON.stringify(origin)}\n${written}`);
  return searchRun(folder);
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const password = 'pä"ss\\w ord+9';
const refreshToken = `1.${'Ab3_'.repeat(80)}-Xy9`;

describe('a secret is found', () => {
  test.each([
    ['as it is', `the password ${password} is wrong`],
    ['in JSON', JSON.stringify({ msg: password })],
    ['in JSON in JSON', JSON.stringify({ msg: JSON.stringify({ password }) })],
    ['in a URL', `https://localhost/?p=${encodeURIComponent(password)}`],
    ['in a form', `${new URLSearchParams({ client: 'x', password })}`],
    ['as a response of LOGIN', base64(password)],
    ['as a response of PLAIN', `AUTH PLAIN ${base64(`\0scanner\0${password}`)}`],
    ['after a name one longer', `AUTH PLAIN ${base64(`\0scanner1\0${password}`)}`],
    ['after a name two longer', `AUTH PLAIN ${base64(`\0scanner12\0${password}`)}`],
    ['in base64 for URLs', Buffer.from(`?${password}`).toString('base64url')],
    ['between two lines', `one\n${password}\nthree`],
  ])('%s', (_, written) => {
    expect(search([['configured secret', password]], written).leaks).toHaveLength(1);
  });

  test.each([
    ['whole', refreshToken],
    ['by its beginning alone', `${refreshToken.slice(0, 40)}…`],
    ['by its end alone', `…${refreshToken.slice(-40)}`],
    ['in base64', base64(`user=x\x01${refreshToken}\x01\x01`)],
  ])('a long one %s', (_, written) => {
    expect(search([['refresh token', refreshToken]], `{"msg":"${written}"}`).leaks).toHaveLength(1);
  });

  test.each([
    'Authorization: Bearer 0123456789abcdef',
    'a token eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJo.',
    '-----BEGIN PRIVATE KEY-----',
    'user=alice@contoso.com\\u0001auth=Bearer x',
    `AUTH XOAUTH2 ${base64('user=alice@contoso.com\x01')}`,
  ])('that nobody has noted: %s', (written) => {
    expect(search([], written).leaks).toHaveLength(1);
  });
});

test('a leak is told with where it is and three characters', () => {
  const result = search([['refresh token', refreshToken]], `{"msg":"fine"}\n{"msg":"token ${refreshToken} of jo"}\n`);
  expect(reportOf(result, false)).toEqual({
    summary: 'secret search: 1 secrets looked for in 364 octets of output from 1 processes: found in 1 lines',
    faults: [
      'refresh token "1.A…" in the standard output of mailbridge start (4711), line 2, test/one.test.ts: ' +
        String.raw`"{\"msg\":\"token "`,
    ],
  });
});

test('what is short or ordinary is not looked for, but counted', () => {
  const secrets: NotedSecret[] = [
    ['configured secret', 'k3y'],
    ['configured secret', 'wrong password'],
    ['configured secret', ''],
  ];
  const result = search(secrets, 'k3y: wrong password');
  expect([result.leaks, result.ordinary]).toEqual([[], ['k3y', 'wrong password']]);
});

test('what a command shows on purpose it may show there alone', () => {
  const secret: NotedSecret = ['configured secret', password];
  const init: Origin = { ...start, command: ['init', '--yes'] };
  expect(search([secret], password, init).leaks).toEqual([]);
  expect(search([secret], password, { ...init, stream: 'standard error' }).leaks).toHaveLength(1);
  expect(search([['client secret', password]], password, init).leaks).toHaveLength(1);
  expect(search([secret], `${password} eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJo.`, init).leaks).toMatchObject([
    { what: 'token (JWT)', before: '' },
  ]);
});

test('half a line of a process that was killed is no harm', () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a.secrets'), `["client secret","${refreshToken}"]\n["token","eyJ`);
  expect(searchRun(folder).secrets).toEqual(new Map([['client secret', 1]]));
});

test('a whole run has to have gathered secrets of every kind, and output', () => {
  const nothing = searchRun(temporaryFolder());
  expect(reportOf(nothing, false).faults).toEqual([]);
  expect(reportOf(nothing, true).faults).toEqual([
    'no output was gathered from the whole test run',
    `the whole test run has used no secret of these kinds: ${secretKinds.join(', ')}`,
  ]);
  const everything = secretKinds.map((kind): NotedSecret => [kind, `${kind} 12345`]);
  expect(reportOf(search(everything, 'ready\n'), true).faults).toEqual([]);
});

test('every test that runs a command of mailbridge records its output', () => {
  const isRecorded = /commandOutput|recordProcess|config\/capture\.ts|\.\/capture\.ts/;
  const runsCommand = /\brun[A-Z]\w*\b[^;]*from '[./]*src\/cli\/|'main\.ts'|'mailbridge\.js'/;
  const files = globSync('test/**/*.ts').filter((file) => runsCommand.test(readFileSync(file, 'utf8')));
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !isRecorded.test(readFileSync(file, 'utf8')))).toEqual([]);
});
