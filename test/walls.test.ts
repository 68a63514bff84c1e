import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const source = resolve(import.meta.dirname, '../src');

/** The rooms, from the door to the ground: a room imports only from rooms below it. */
const rooms = [
  'cli',
  'app',
  'admin',
  'simulator',
  // Signs in, registers and proves by what the rooms below do.
  'onboarding',
  // A message from its SMTP session to the queue, or to Microsoft at once.
  'submission',
  // A login by IMAP or POP3 to a mailbox.
  'reading',
  // Bounces and delay warnings.
  'notices',
  // Accepts clients for the protocols below, the simulator's too.
  'listeners',
  'smtp',
  'imap',
  'pop3',
  'couriers',
  'mailstores',
  'queue',
  'exchange',
  'graph',
  'tokens',
  'accounts',
  'config',
  // Codecs alone, spoken by the listeners above and by the upstream sessions.
  'sasl',
  'mailbox',
  'message',
  'base',
];

/** Rooms that know nothing of one another; `submission`, `reading` and `app` join them. */
const strangers = ['smtp', 'imap', 'pop3', 'queue', 'graph', 'exchange', 'tokens'];

/** The simulator must not share an idea about Microsoft with what is tested against it. */
const simulatorMayUse = ['simulator', 'listeners', 'smtp', 'imap', 'pop3', 'sasl', 'mailbox', 'message', 'base'];

const mayUseConfig = ['cli', 'app', 'admin', 'config'];

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly file: string;
}

function arrows(): Arrow[] {
  return globSync('**/*.ts', { cwd: source }).flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
    return imports.map((specifier) => ({
      file,
      from: roomOf(file),
      to: roomOf(relative(source, resolve(source, dirname(file), specifier))),
    }));
  });
}

function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'main';
}

const found = arrows();
const told = (wrong: readonly Arrow[]) => wrong.map(({ file, to }) => `${file} imports ${to}`);

test('there are arrows to judge, and only known rooms', () => {
  expect(found.length).toBeGreaterThan(100);
  expect(
    [...new Set(found.flatMap(({ from, to }) => [from, to]))].filter((room) => ![...rooms, 'main'].includes(room)),
  ).toEqual([]);
});

test('arrows run downward', () => {
  const upward = found.filter(
    ({ from, to }) => from !== to && from !== 'main' && rooms.indexOf(to) < rooms.indexOf(from),
  );
  expect(told(upward)).toEqual([]);
});

test('main knows the commands alone', () => {
  expect(told(found.filter(({ from, to }) => from === 'main' && to !== 'cli'))).toEqual([]);
});

test('the protocols, the queue and the upstream rooms do not know one another', () => {
  expect(
    told(found.filter(({ from, to }) => from !== to && strangers.includes(from) && strangers.includes(to))),
  ).toEqual([]);
});

test('the simulator shares nothing with what it tests', () => {
  expect(told(found.filter(({ from, to }) => from === 'simulator' && !simulatorMayUse.includes(to)))).toEqual([]);
});

test('only cli, app and admin know the configuration', () => {
  expect(told(found.filter(({ from, to }) => to === 'config' && !mayUseConfig.includes(from)))).toEqual([]);
});
