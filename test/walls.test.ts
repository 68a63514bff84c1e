import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
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
  // What the two before it share.
  'line-protocol',
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

/** The two protocols, and the room that joins them to mailboxes. */
const mayUseLineProtocol = ['line-protocol', 'imap', 'pop3', 'reading'];

const lineProtocolMayUse = ['line-protocol', 'sasl', 'mailbox', 'base'];

const mayUseConfig = ['cli', 'app', 'admin', 'config'];

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly file: string;
}

const files = globSync('**/*.ts', { cwd: source }).toSorted();
const texts = new Map(files.map((file) => [file, readFileSync(join(source, file), 'utf8')]));
const imported = new Map(files.map((file) => [file, importedBy(file)]));

/** The files that a file imports, those whose types alone it needs included. */
function importedBy(file: string): string[] {
  const specifiers = (texts.get(file) ?? '').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...specifiers].map(([, specifier = '']) => relative(source, resolve(source, dirname(file), specifier)));
}

function arrows(): Arrow[] {
  return files.flatMap((file) =>
    (imported.get(file) ?? []).map((target) => ({ file, from: roomOf(file), to: roomOf(target) })),
  );
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

test('line-protocol is what IMAP and POP3 share, and knows neither', () => {
  expect(told(found.filter(({ from, to }) => to === 'line-protocol' && !mayUseLineProtocol.includes(from)))).toEqual(
    [],
  );
  expect(told(found.filter(({ from, to }) => from === 'line-protocol' && !lineProtocolMayUse.includes(to)))).toEqual(
    [],
  );
});

test('only cli, app and admin know the configuration', () => {
  expect(told(found.filter(({ from, to }) => to === 'config' && !mayUseConfig.includes(from)))).toEqual([]);
});

test('no files import one another in a circle, of types neither', () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const target of imported.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

/** One command to a file. */
const folderOfCommands = new Set(['imap/commands']);

test('no folder has more than twenty files side by side, but for folders of one command to a file', () => {
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([folder, size]) => size > 20 && !folderOfCommands.has(folder))).toEqual([]);
});

/** Their bodies are one table: questions, options, fields of the configuration. */
const tables = new Set([
  'cli/register-app/options.ts',
  'config/schema-accounts.ts',
  'config/schema-service.ts',
  'onboarding/init-questions.ts',
]);

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

test('no function has more than sixty lines, but for tables', () => {
  const long: string[] = [];
  for (const [file, text] of texts) {
    if (tables.has(file)) continue;
    for (const { start, end } of functionsOf(parseAst(text, { lang: 'ts' }) as unknown as SyntaxNode)) {
      const lines = text.slice(start, end).split('\n').length;
      if (lines > 60) long.push(`${file}:${text.slice(0, start).split('\n').length} has ${lines} lines`);
    }
  }
  expect(long).toEqual([]);
});

function functionsOf(node: SyntaxNode): SyntaxNode[] {
  const within = Object.values(node)
    .flat()
    .filter((child): child is SyntaxNode => typeof (child as SyntaxNode | null)?.type === 'string')
    .flatMap(functionsOf);
  return /Function/.test(node.type) && 'body' in node ? [node, ...within] : within;
}

test('no type is exported by two files under one name', () => {
  const places = new Map<string, string[]>();
  for (const [file, text] of texts) {
    for (const [, name = ''] of text.matchAll(/^export (?:abstract )?(?:interface|type|class|enum) (\w+)/gm)) {
      places.set(name, [...(places.get(name) ?? []), file]);
    }
  }
  expect([...places].filter(([, all]) => all.length > 1)).toEqual([]);
});
