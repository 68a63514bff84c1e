import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { expect, test } from 'vitest';
import { courierKinds } from '../src/message/courier-kind.ts';

const source = resolve(import.meta.dirname, '../src');

/** The rooms from top to bottom: a room imports only from rooms below it. */
const rooms = [
  'cli',
  'app',
  'admin',
  'simulator',
  // Signs in, registers and checks, using the rooms below.
  'onboarding',
  // Takes a message from its SMTP session to the queue, or directly to Microsoft.
  'submission',
  // Connects an IMAP or POP3 login to a mailbox.
  'reading',
  // Bounces and delay warnings.
  'notices',
  // Accepts clients for the protocols below, including the simulator's.
  'listeners',
  'smtp',
  'imap',
  'pop3',
  // Shared by the two before it.
  'line-protocol',
  'couriers',
  'mailstores',
  'queue',
  'exchange',
  'graph',
  'tokens',
  'accounts',
  'config',
  // The encrypted archive of files; knows nothing of the bridge.
  'backup',
  // PostgreSQL as the queue and the mail stores use it.
  'postgres',
  // Only codecs, used by the listeners above and by the upstream sessions.
  'sasl',
  'mailbox',
  'message',
  'base',
];

/** Rooms that do not know one another; `submission`, `reading` and `app` join them. */
const strangers = ['smtp', 'imap', 'pop3', 'queue', 'graph', 'exchange', 'tokens'];

/** The simulator must not share assumptions about Microsoft with the code tested against it. */
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

/** The files that a file imports, including those of which it only needs types. */
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

test('notices know the couriers by plain facts alone', () => {
  expect(told(found.filter(({ from, to }) => from === 'notices' && to === 'couriers'))).toEqual([]);
});

test('only cli, app and admin know the configuration', () => {
  expect(told(found.filter(({ from, to }) => to === 'config' && !mayUseConfig.includes(from)))).toEqual([]);
});

test('a backup is files and their names alone', () => {
  expect(told(found.filter(({ from, to }) => from === 'backup' && to !== 'backup' && to !== 'base'))).toEqual([]);
});

test('the room of PostgreSQL knows the ground alone, and is used by what keeps something there', () => {
  expect(told(found.filter(({ from, to }) => from === 'postgres' && to !== 'postgres' && to !== 'base'))).toEqual([]);
  const mayUse = ['postgres', 'queue', 'mailstores', 'app'];
  expect(told(found.filter(({ from, to }) => to === 'postgres' && !mayUse.includes(from)))).toEqual([]);
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

/** One file per command. */
const folderOfCommands = new Set(['imap/commands']);

test('no folder has more than twenty files side by side, but for folders of one command to a file', () => {
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  expect([...sizes].filter(([folder, size]) => size > 20 && !folderOfCommands.has(folder))).toEqual([]);
});

/** Files whose body is one table: questions, options, fields of the configuration. */
const tables = new Set([
  'cli/register-app/options.ts',
  'config/blocks/accounts.ts',
  'config/blocks/service.ts',
  'onboarding/init-questions.ts',
]);

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [part: string]: unknown;
}

const trees = new Map<string, SyntaxNode>();

function parsed(text: string): SyntaxNode {
  const tree = trees.get(text) ?? (parseAst(text, { lang: 'ts' }) as unknown as SyntaxNode);
  trees.set(text, tree);
  return tree;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node)
    .flat()
    .filter((child): child is SyntaxNode => typeof (child as SyntaxNode | null)?.type === 'string');
}

function everyNode(node: SyntaxNode): SyntaxNode[] {
  return [node, ...childrenOf(node).flatMap(everyNode)];
}

test('no function has more than sixty lines, in app none more than fifty, but for tables', () => {
  const long: string[] = [];
  for (const [file, text] of texts) {
    if (tables.has(file)) continue;
    for (const { start, end } of functionsOf(parsed(text))) {
      const lines = text.slice(start, end).split('\n').length;
      if (lines > (roomOf(file) === 'app' ? 50 : 60))
        long.push(`${file}:${text.slice(0, start).split('\n').length} has ${lines} lines`);
    }
  }
  expect(long).toEqual([]);
});

function functionsOf(node: SyntaxNode): SyntaxNode[] {
  const within = childrenOf(node).flatMap(functionsOf);
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

/** Names for other things with the same values: a protocol, a way to read a mailbox, a token's resource, a server. */
const otherThings = ['protocol', 'read', 'resource', 'resources', 'service', 'services'];

/** The name of what is compared with a courier's name; undefined if nothing is. */
function comparedWithCourier(node: SyntaxNode): string | undefined {
  const part = (key: string) => node[key] as SyntaxNode;
  const names = (wanted: SyntaxNode | undefined) => courierKinds.some((kind) => kind === wanted?.value);
  if (node.type === 'BinaryExpression' && /^[!=]==?$/.test(String(node.operator))) {
    if (names(part('right'))) return nameOf(part('left'));
    return names(part('left')) ? nameOf(part('right')) : undefined;
  }
  if (node.type === 'CallExpression' && part('callee').type === 'MemberExpression') {
    const { property, object } = part('callee') as unknown as Record<'property' | 'object', SyntaxNode>;
    const asks = ['includes', 'has', 'indexOf'].includes(nameOf(property));
    return asks && names((node.arguments as SyntaxNode[])[0]) ? nameOf(object) : undefined;
  }
  const cases = node.type === 'SwitchStatement' ? (node.cases as SyntaxNode[]) : [];
  return cases.some((each) => names(each.test as SyntaxNode)) ? nameOf(part('discriminant')) : undefined;
}

/** The last name of an expression: `send` of `account.send`. */
function nameOf(node: SyntaxNode): string {
  if (node.type === 'MemberExpression') return nameOf(node.property as SyntaxNode);
  return typeof node.name === 'string' ? node.name : node.type;
}

/** Whether a node is a list or a union of the couriers' names. */
function listsCouriers(node: SyntaxNode): boolean {
  const parts = (node.type === 'TSUnionType' ? node.types : node.type === 'ArrayExpression' ? node.elements : []) as (
    | SyntaxNode
    | undefined
  )[];
  const words = parts.map((each) =>
    each?.type === 'TSLiteralType' ? (each.literal as SyntaxNode).value : each?.value,
  );
  return words.length === courierKinds.length && courierKinds.every((kind) => words.includes(kind));
}

/** Lines of `src`, outside some rooms, whose syntax matches. */
function linesWith(without: readonly string[], has: (node: SyntaxNode) => boolean): string[] {
  return [...texts]
    .filter(([file]) => !without.includes(roomOf(file)))
    .flatMap(([file, text]) =>
      everyNode(parsed(text))
        .filter(has)
        .map(({ start }) => `${file}:${text.slice(0, start).split('\n').length}`),
    );
}

test('nobody outside of the couriers compares anything with the name of one: the descriptors tell', () => {
  const compared = linesWith(['couriers', 'simulator'], (node) => {
    const name = comparedWithCourier(node);
    return name !== undefined && !otherThings.includes(name);
  });
  expect(compared).toEqual([]);
});

test('what is compared with a courier is found, however it is written', () => {
  const compared = (text: string) => everyNode(parsed(text)).flatMap((node) => comparedWithCourier(node) ?? []);
  expect(compared("if (account.send === 'graph' || 'smtp' != kind) go();")).toEqual(['send', 'kind']);
  expect(compared("uses.send.includes('smtp'); switch (courier) { case 'graph': go(); }")).toEqual(['send', 'courier']);
  expect(compared("if (read === 'imap') go({ send: 'graph' });")).toEqual([]);
});

test('the couriers are listed in one place', () => {
  expect(linesWith(['simulator'], listsCouriers).map((line) => line.split(':')[0])).toEqual([
    'message/courier-kind.ts',
  ]);
});

/** The files and packages that loading a file loads. Types cost nothing, and `import()` comes later. */
function loadedBy(file: string): string[] {
  const text = (texts.get(file) ?? '').replace(/^(?:import|export) type [^;]*;/gm, '');
  const specifiers = text.matchAll(/^(?:import|export|\}) (?:[^;']*? ?from )?'([^']+)'/gm);
  return [...specifiers].map(([, specifier = '']) =>
    specifier.startsWith('.') ? relative(source, resolve(source, dirname(file), specifier)) : specifier,
  );
}

test.each([
  'cli/commands.ts',
  'cli/init.ts',
  'cli/config.ts',
  'cli/hash-password.ts',
  'cli/account/command.ts',
  'cli/queue/command.ts',
  'cli/backup/backup.ts',
  'cli/backup/restore.ts',
])('%s starts quickly: it loads nothing that talks to Microsoft', (command) => {
  const loaded = new Set([command]);
  for (const file of loaded) for (const each of loadedBy(file)) loaded.add(each);
  const slow = ['@azure/msal-node', 'imapflow', 'nodemailer', 'smtp-server', 'undici', 'pino', 'ldapts'];
  expect([...loaded].filter((name) => slow.some((each) => name === each || name.startsWith(`${each}/`)))).toEqual([]);
  expect(loaded.size).toBeGreaterThan(3);
});

test('what is loaded with a file is seen', () => {
  expect(loadedBy('exchange/smtp/connection.ts').some((name) => name.startsWith('nodemailer'))).toBe(true);
});
