import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, type TestContext, test } from 'vitest';
import { needPerlModule, needProgram } from './external.ts';
import { freshFolder, type MailFetcher } from './read-clients.ts';
import { capabilitiesOfImaplib, connectImapFlow, imapflow, nodePop3, perl, python } from './read-clients-libraries.ts';
import { Maildir } from './read-clients-maildir.ts';
import {
  curl,
  fetchmail,
  fetchmailUntil,
  getmail,
  Mbsync,
  mutt,
  OfflineImap,
  pressInMutt,
} from './read-clients-programs.ts';
import type { ReadWorld, Route } from './read-clients-world.ts';
import { until } from './relay.ts';

const fetchers: readonly MailFetcher[] = [curl, fetchmail, getmail, mutt, python, perl, imapflow, nodePop3];

function need(context: TestContext, { programs, perlModules = [] }: MailFetcher): void {
  for (const name of programs) needProgram(context, name);
  for (const name of perlModules) needPerlModule(context, name);
}

const synchronizers = [
  { program: 'mbsync', Synchronizer: Mbsync },
  { program: 'offlineimap', Synchronizer: OfflineImap },
] as const;

/** Octets as latin1. */
function letter(subject: string, body: string): string {
  const header = `From: Bob <bob@contoso.com>\r\nTo: alice@contoso.com\r\nSubject: ${subject}\r\n`;
  const fields = `${header}Date: Sat, 21 Nov 2026 08:00:00 +0000\r\nMessage-ID: <${subject}@contoso.com>\r\n`;
  return Buffer.from(`${fields}\r\n${body}`).toString('latin1');
}

const lettersBySubject = {
  '8-bit': letter('8-bit', 'Grüße\r\n\r\n.\r\n.dot\r\n..dots\r\nFrom the start\r\n'),
  large: letter('large', `${'.0123456789 abcdefghijklmnopqrstuvwxyz\r\n'.repeat(6_000)}`),
  binary: letter('binary', `${randomBytes(600).toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n`),
};
const letters = Object.values(lettersBySubject);

export interface ReadClientsOptions<World extends ReadWorld> {
  /** Starts the bridge and its upstream. */
  start(): Promise<World>;
  /** The routes into the mailbox that this upstream has. */
  readonly routes: readonly Route[];
  /** Programs required for the start. */
  readonly needs?: readonly string[];
  /** Tests for this upstream only. */
  more?(world: () => World): void;
}

/** Tests third-party mail programs with a mailbox behind the bridge. */
export function describeReadClients<World extends ReadWorld>({
  start,
  routes,
  needs,
  more,
}: ReadClientsOptions<World>): void {
  let starting: Promise<World> | undefined;
  let world: World;

  beforeEach(async (context) => {
    for (const name of needs ?? []) needProgram(context, name);
    starting ??= start();
    world = await starting;
    await world.inbox.clear();
    for (const content of letters) await world.inbox.deliver(content);
  });
  afterAll(() => world?.close());

  for (const route of routes) {
    const able = fetchers.filter(({ protocols }) => protocols.includes(route.protocol));
    describe.each(able)(`$name (${route.name})`, (fetcher) => {
      test('fetches every message and leaves it there', async (context) => {
        need(context, fetcher);
        const fetch = await fetching(fetcher, route, fetcher.starttls ? 'starttls' : 'tls');
        expect(await fetch('keep')).toEqual(essences(letters, fetcher));
        expect(await there()).toEqual(inOrder(letters));
        if (!fetcher.remembers) return;
        const another = letter('another', 'later\r\n');
        await world.inbox.deliver(another);
        expect(await fetch('keep')).toEqual(essences([another], fetcher));
        expect(await fetch('keep')).toEqual([]);
      });

      test('fetches every message and deletes it, over TLS from the first byte', async (context) => {
        need(context, fetcher);
        const fetch = await fetching(fetcher, route, 'tls');
        expect(await fetch('delete')).toEqual(essences(letters, fetcher));
        await until('an empty INBOX', async () => (await there()).length === 0);
      });
    });
  }

  async function fetching(fetcher: MailFetcher, route: Route, security: 'starttls' | 'tls') {
    const folder = await freshFolder(world.folder, 'client');
    const ascii = fetcher.asciiPasswordsOver?.includes(route.protocol);
    const login = world.login(route, security, ascii ? 'ascii' : 'any');
    return async (afterwards: 'keep' | 'delete') => {
      const { result, messages } = await fetcher.fetch(login, folder, afterwards);
      expect(result.code, result.output).toBe(0);
      return essences(messages, fetcher);
    };
  }

  /** The contents of the upstream's INBOX, in a fixed order. */
  async function there(): Promise<string[]> {
    const messages = await world.inbox.messages();
    return inOrder(messages.map(({ content }) => content));
  }

  async function flagsThere(): Promise<Record<string, readonly string[]>> {
    return flagsBySubject(await world.inbox.messages());
  }

  const imapRoutes = routes.filter(({ protocol }) => protocol === 'imap');

  const synchronizing = imapRoutes.flatMap((imap) => synchronizers.map((each) => ({ imap, ...each })));
  test.for(synchronizing)(
    '$program keeps a Maildir the same as the mailbox, both ways ($imap.name)',
    async ({ imap, program, Synchronizer }, context) => {
      needProgram(context, program);
      // OfflineIMAP reads its settings as ASCII, and one of its threads continues reading while it begins TLS.
      const login = program === 'offlineimap' ? world.login(imap, 'tls', 'ascii') : world.login(imap, 'starttls');
      const synchronizer = new Synchronizer(await freshFolder(world.folder, program), login);
      const maildir = new Maildir(join(synchronizer.maildir, 'INBOX'));
      const sync = async () => {
        const { code, output } = await synchronizer.sync();
        expect(code, output).toBe(0);
      };
      // Through Graph, Exchange makes a stored message anew.
      const same = imap.read === 'graph' ? plainLetters : inOrder;
      const here = async () => same((await maildir.messages()).map(({ content }) => content));
      const there = async () => same((await world.inbox.messages()).map(({ content }) => content));
      const flagsHere = async () => flagsBySubject(await maildir.messages());
      const bySubject = async (subject: keyof typeof lettersBySubject) => {
        const found = (await maildir.messages()).find(({ content }) => content.includes(`Subject: ${subject}`));
        if (!found) throw new Error(`no ${subject} here`);
        return found;
      };

      await sync();
      expect(await here()).toEqual(same(letters));
      expect(await there()).toEqual(same(letters));

      // New on both sides.
      const [arrived, written] = [letter('arrived', 'there\r\n'), letter('written', 'hier: Grüße\r\n')];
      await world.inbox.deliver(arrived);
      await maildir.deliver(written.replaceAll('\r\n', '\n'));
      await sync();
      expect(await here()).toEqual(same([...letters, arrived, written]));
      expect(await there()).toEqual(same([...letters, arrived, written]));

      // Flags changed on both sides.
      await maildir.setFlags(await bySubject('8-bit'), ['\\Seen', '\\Flagged']);
      const flow = await connectImapFlow(world.login(imap, 'tls'));
      const lock = await flow.getMailboxLock('INBOX');
      await flow.messageFlagsAdd({ subject: 'large' }, ['\\Seen', '\\Answered']);
      await sync();
      expect(await flagsHere()).toMatchObject({ '8-bit': ['\\Flagged', '\\Seen'], large: ['\\Answered', '\\Seen'] });
      expect(await flagsThere()).toMatchObject({ '8-bit': ['\\Flagged', '\\Seen'], large: ['\\Answered', '\\Seen'] });

      // Deleted on both sides.
      await rm((await bySubject('binary')).file);
      await flow.messageDelete({ subject: 'large' });
      await sync();
      const left = same([lettersBySubject['8-bit'], arrived, written]);
      expect(await here()).toEqual(left);
      expect(await there()).toEqual(left);
      lock.release();
      await flow.logout();

      // Nothing is left to do.
      const [messagesHere, messagesThere] = [await maildir.messages(), await world.inbox.messages()];
      await sync();
      expect(await maildir.messages()).toEqual(messagesHere);
      expect(await world.inbox.messages()).toEqual(messagesThere);
    },
  );

  const pressing = imapRoutes.flatMap((imap) => (['mutt', 'neomutt'] as const).map((program) => ({ imap, program })));
  test.for(pressing)(
    '$program flags one message, deletes another and moves a third ($imap.name)',
    async ({ imap, program }, context) => {
      for (const name of [program, 'script']) needProgram(context, name);
      const folder = await freshFolder(world.folder, program);
      // Its caches must not mislead it.
      await pressInMutt(world.login(imap, 'starttls'), folder, '<quit>', program);
      const keys = [
        '<search>~s8-bit<enter><flag-message>',
        '<search>~slarge<enter><delete-message>',
        '<search>~sbinary<enter><save-message>=Kept<enter>',
        '<quit>',
      ];
      const flow = await connectImapFlow(world.login(imap, 'tls'));
      await flow.mailboxCreate('Kept');
      const { code, output } = await pressInMutt(world.login(imap, 'starttls'), folder, keys.join(''), program);
      expect(code, output).toBe(0);
      expect(await there()).toEqual([lettersBySubject['8-bit']]);
      expect(await flagsThere()).toEqual({ '8-bit': ['\\Flagged'] });
      const lock = await flow.getMailboxLock('Kept');
      const moved = await flow.fetchAll('1:*', { source: true });
      expect(moved.map(({ source }) => source?.toString('latin1'))).toEqual([lettersBySubject.binary]);
      lock.release();
      await flow.mailboxDelete('Kept');
      await flow.logout();
    },
  );

  test.for(imapRoutes)('imapflow is told of new mail while it waits ($name)', async (imap) => {
    const flow = await connectImapFlow(world.login(imap, 'starttls'));
    const lock = await flow.getMailboxLock('INBOX');
    const heard = once(flow, 'exists');
    const waiting = flow.idle();
    await world.inbox.deliver(letter('pushed', 'now\r\n'));
    expect((await heard)[0]).toMatchObject({ count: 4 });
    const found = await flow.search({ subject: 'pushed' });
    await waiting;
    expect(found).toHaveLength(1);
    lock.release();
    await flow.logout();
  });

  test.for(imapRoutes)(
    'imapflow knows after its login what it can use then, and nothing of logins ($name)',
    async (imap) => {
      const flow = await connectImapFlow(world.login(imap, 'starttls'));
      const capabilities = [...flow.capabilities.keys()];
      expect(capabilities).toEqual(expect.arrayContaining(['IDLE', 'UIDPLUS', 'MOVE', 'UNSELECT', 'NAMESPACE']));
      expect(capabilities.filter((name) => /^(?:AUTH=|STARTTLS|SASL-IR)/.test(name))).toEqual([]);
      await flow.logout();
    },
  );

  test.for(imapRoutes)(
    'imaplib, which looks before its login alone, finds IDLE; its login is answered with what is there ($name)',
    async (imap, context) => {
      needProgram(context, 'python3');
      const folder = await freshFolder(world.folder, 'client');
      const { code, output } = await capabilitiesOfImaplib(folder, world.login(imap, 'tls'));
      expect(code, output).toBe(0);
      const [before, after] = output.trim().split('\n') as [string, string];
      expect(before.split(' ')).toEqual(expect.arrayContaining(['IDLE', 'UIDPLUS', 'AUTH=PLAIN']));
      expect(after.split(' ')).toEqual(expect.arrayContaining(['IDLE', 'UIDPLUS', 'MOVE']));
      expect(after).not.toContain('AUTH=');
    },
  );

  test.for(imapRoutes)('fetchmail waits for new mail by IDLE ($name)', async (imap, context) => {
    needProgram(context, 'fetchmail');
    const folder = await freshFolder(world.folder, 'client');
    expect(await fetchmailUntil(/> A\d+ IDLE\b/, folder, world.login(imap, 'tls'))).toMatch(/< \+ /);
  });

  more?.(() => world);
}

/** Abbreviates a large message, to keep the output of failed tests readable. */
function brief(content: string): string {
  if (content.length < 5_000) return content;
  const digest = createHash('sha256').update(content, 'latin1').digest('hex');
  return `${content.slice(0, 300)} … ${content.length} octets, SHA-256 ${digest}`;
}

/** Messages with CRLF, in a fixed order. */
function inOrder(messages: readonly string[]): string[] {
  return messages.map((content) => brief(withoutTuid(withCrlf(content)))).sort();
}

/** Of each message the fields that Graph has as properties, and the text, in a fixed order. */
function plainLetters(messages: readonly string[]): string[] {
  return inOrder(messages.map(plainLetter));
}

function plainLetter(message: string): string {
  const [header = '', ...rest] = withCrlf(message).split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const isEncoded = /^Content-Transfer-Encoding: base64$/im.test(header);
  const fields = header.split('\r\n').filter((field) => /^(?:From|To|Subject|Message-ID):/.test(field));
  return [...fields.sort(), '', isEncoded ? Buffer.from(body, 'base64').toString('latin1') : body].join('\r\n');
}

function withCrlf(content: string): string {
  return content.replaceAll(/\r?\n/g, '\r\n');
}

/** mbsync marks messages that it stores, to find them again if the server does not support UIDPLUS. */
function withoutTuid(content: string): string {
  return content.replace(/^X-TUID: .*\r\n/m, '');
}

/** Messages without the program's additions, in a fixed order. */
function essences(messages: readonly string[], { adds }: MailFetcher): string[] {
  return messages.map((message) => brief(adds ? essence(message, adds) : message)).sort();
}

function essence(message: string, adds: RegExp): string {
  const [header = '', ...body] = withCrlf(message).split('\r\n\r\n');
  const fields = header.split(/\r\n(?![ \t])/).filter((field) => !adds.test(field.split(':')[0] ?? ''));
  return [fields.join('\r\n'), ...body].join('\r\n\r\n').trimEnd();
}

function flagsBySubject(messages: readonly { content: string; flags: readonly string[] }[]) {
  const subjectOf = (content: string) => /^Subject: (.*?)\r?$/m.exec(content)?.[1] ?? '';
  return Object.fromEntries(messages.map(({ content, flags }) => [subjectOf(content), [...flags].sort()]));
}
