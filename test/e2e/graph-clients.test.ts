import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { needPerlModule, needProgram } from '../support/external.ts';
import { namedLetter } from '../support/named-letters.ts';
import { Mailbridge } from '../support/process.ts';
import { seededRandom } from '../support/random.ts';
import { type Fetched, freshFolder, type MailFetcher, type ReadLogin } from '../support/read-clients.ts';
import { outlooksHabits, thunderbirdsHabits } from '../support/read-clients-habits.ts';
import { connectImapFlow, imapflow, nodePop3, perl, python } from '../support/read-clients-libraries.ts';
import { Maildir } from '../support/read-clients-maildir.ts';
import { curl, fetchmail, getmail, mutt, neomutt, OfflineImap } from '../support/read-clients-programs.ts';
import {
  alice,
  contosoConfig,
  password,
  type RelayFolder,
  relayFolder,
  startContoso,
  until,
} from '../support/relay.ts';

/** `GRAPH_MESSAGES=20000` for a long run. */
const messages = Number(process.env.GRAPH_MESSAGES ?? 60);
const restarts = Number(process.env.GRAPH_RESTARTS ?? 1);
/** What Microsoft allows a mailbox; a long run takes more. */
const requests = Number(process.env.GRAPH_REQUESTS ?? 10_000);
const seed = Number(process.env.GRAPH_SEED ?? Math.floor(Math.random() * 1e9));
const seconds = 60 + Math.ceil(messages / 25);

/** Fetches INBOX into a Maildir, as often as it is asked. */
const offlineImap: MailFetcher = {
  ...{ name: 'OfflineIMAP', programs: ['offlineimap'], protocols: ['imap'], starttls: false, adds: /^$/ },
  async fetch(login, folder, _, seconds) {
    const synchronizer = new OfflineImap(folder, login);
    const result = await synchronizer.sync(seconds);
    const maildir = await Maildir.make(`${synchronizer.maildir}/INBOX`);
    return { result, messages: (await maildir.messages()).map(({ content }) => content) };
  },
};

const fetchers = [curl, fetchmail, getmail, mutt, neomutt, python, perl, imapflow, offlineImap, nodePop3];
const cases = [...fetchers, thunderbirdsHabits, outlooksHabits].flatMap((fetcher) =>
  fetcher.protocols.map((protocol) => ({ fetcher, protocol })),
);

describe(`${messages} messages behind Graph, which others change, ${restarts} restarts, seed ${seed}`, () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  }, 300_000);
  afterAll(() => world.close());

  test.for(cases)(
    '$fetcher.name brings each once by $protocol, also where the bridge is killed meanwhile',
    { timeout: 60_000 + (2 + restarts) * seconds * 1000 },
    async ({ fetcher, protocol }, context) => {
      for (const name of fetcher.programs) needProgram(context, name);
      for (const name of fetcher.perlModules ?? []) needPerlModule(context, name);
      const folder = await freshFolder(world.folder, 'client');
      world.markUnread();
      const fetch = (within: number) => fetcher.fetch(world.login(protocol), folder, 'keep', within);

      const cut: string[] = [];
      await world.whileOthersWork('deliver, mark and remove', async () => {
        for (let restart = 0; restart < restarts; restart++) {
          // Some wait at the terminal then.
          const fetching = fetch(2 + messages / (150 * restarts));
          await world.restart();
          cut.push(...namesIn(await fetching));
        }
      });
      const before = world.names();
      const whole = await world.whileOthersWork('deliver and mark', () => fetch(seconds));
      expect(whole.result.code, whole.result.output.slice(-2000)).toBe(0);
      const brought = namesIn(whole);
      expect(doubled(brought)).toEqual([]);
      const known = new Set([...brought, ...(fetcher.remembers ? cut : [])]);
      expect(
        before.filter((name) => !known.has(name)),
        whole.result.output.slice(-2000),
      ).toEqual([]);
      expect([...known].filter((name) => !world.delivered.has(name))).toEqual([]);
    },
  );

  test('the server has what arrived and was not removed, and every UID is still the message that it was', async () => {
    expect(world.names().sort()).toEqual([...world.delivered].filter((name) => !world.removed.has(name)).sort());
    expect(world.uidChanges).toEqual([]);
  });
});

/** Names of the messages that arrived whole; one whose subject and body disagree is no known message. */
function namesIn({ messages }: Fetched): string[] {
  return messages.flatMap((content) => {
    const subject = /^Subject: (\S+)\r?$/m.exec(content)?.[1];
    const body = /\r?\n\r?\n(.*\.)\r?\n*$/.exec(content)?.[1];
    if (body === undefined) return [];
    return body === `This is ${subject}.` ? [`${subject}`] : [`${subject} mixed up with ${body}`];
  });
}

function doubled(names: readonly string[]): string[] {
  return names.filter((name, at) => names.indexOf(name) !== at);
}

/** A mailbox behind Graph, the bridge as a separate process, and others who work in the mailbox. */
class World {
  readonly delivered = new Set<string>();
  readonly removed = new Set<string>();
  /** Messages that had one UID, and another one later. */
  readonly uidChanges: string[] = [];
  readonly #simulator: Simulator;
  readonly #folder: RelayFolder;
  readonly #random = seededRandom(seed);
  readonly #uids = new Map<number, string>();
  #uidValidity: bigint | undefined;
  #bridge: Mailbridge;
  #count = 0;

  private constructor(simulator: Simulator, folder: RelayFolder, bridge: Mailbridge) {
    this.#simulator = simulator;
    this.#folder = folder;
    this.#bridge = bridge;
  }

  static async start(): Promise<World> {
    const simulator = await startContoso();
    const account = { username: 'reader', password, connection: 'contoso', mailbox: alice, read: 'graph' as const };
    const folder = await relayFolder(
      contosoConfig(simulator, {
        listeners: (['imap', 'pop3'] as const).map((protocol) => ({ protocol, port: 0, security: 'tls' })),
        accounts: [account],
        limits: { graphPollSeconds: 5, graphRequestsPerTenMinutes: requests },
      }),
    );
    const world = new World(simulator, folder, await Mailbridge.start(folder.configFile));
    for (let each = 0; each < messages; each++) world.#deliver();
    await world.#look();
    return world;
  }

  get folder(): string {
    return this.#folder.path;
  }

  login(protocol: 'imap' | 'pop3'): ReadLogin {
    const authorityFile = `${this.folder}/data/tls/ca.crt`;
    const port = this.#bridge.port(protocol === 'imap' ? 0 : 1);
    return { protocol, security: 'tls', port, username: 'reader', password, authorityFile };
  }

  /** Names of the messages on the server. */
  names(): string[] {
    return this.#simulator.directory
      .messages(alice, 'INBOX')
      .map(({ content }) => /^Subject: (\S+)\r$/m.exec(content.toString())?.[1] ?? '');
  }

  /** Over IMAP, fetchmail fetches unread messages. */
  markUnread(): void {
    const { directory } = this.#simulator;
    for (const { uid, flags } of directory.messages(alice, 'INBOX'))
      if (flags.includes('\\Seen')) directory.replaceFlags(alice, 'INBOX', uid, []);
  }

  /** Killed whatever it is doing. */
  async restart(): Promise<void> {
    await pause(this.#below(1000 + (messages * 2) / restarts));
    await this.#bridge.kill();
    this.#bridge = await Mailbridge.start(this.#folder.configFile);
  }

  /** Runs `work` while the server and another client of the bridge change the mailbox. */
  async whileOthersWork<T>(how: 'deliver and mark' | 'deliver, mark and remove', work: () => Promise<T>): Promise<T> {
    const over = new AbortController();
    const server = this.#serverWorks(over.signal, how === 'deliver, mark and remove');
    const client = how === 'deliver and mark' ? this.#clientWorks(over.signal) : undefined;
    try {
      return await work();
    } finally {
      over.abort();
      await Promise.all([server, client]);
      // Until the bridge has seen all of it: a program that logs in twice counts the same messages.
      await until('the same messages', async () => (await this.#look()) === this.names().sort().join());
    }
  }

  async close(): Promise<void> {
    await this.#bridge.kill();
    await this.#simulator.close();
    await this.#folder.remove();
  }

  async #serverWorks(over: AbortSignal, mayRemove: boolean): Promise<void> {
    const { directory } = this.#simulator;
    while (!over.aborted) {
      const there = directory.messages(alice, 'INBOX');
      const message = there[this.#below(there.length)];
      const what = this.#below(mayRemove ? 3 : 2);
      if (message === undefined || what === 0) this.#deliver();
      else if (what === 1) directory.replaceFlags(alice, 'INBOX', message.uid, this.#someFlags(message.flags));
      else {
        this.removed.add(/^Subject: (\S+)\r$/m.exec(message.content.toString())?.[1] ?? '');
        directory.remove(alice, 'INBOX', message.uid);
      }
      await pause(20 + this.#below(200));
    }
  }

  /** Marks messages over IMAP. */
  async #clientWorks(over: AbortSignal): Promise<void> {
    const flow = await connectImapFlow(this.login('imap'));
    const lock = await flow.getMailboxLock('INBOX');
    while (!over.aborted) {
      const { exists } = flow.mailbox as { exists: number };
      await flow.messageFlagsAdd(String(1 + this.#below(exists)), ['\\Flagged']);
      await flow.messageFlagsRemove(String(1 + this.#below(exists)), ['\\Flagged']);
      await pause(this.#below(200));
    }
    lock.release();
    await flow.logout();
  }

  #deliver(): void {
    const name = `m${++this.#count}`;
    this.delivered.add(name);
    this.#simulator.directory.deliver(alice, 'INBOX', Buffer.from(namedLetter(name)));
  }

  /** What is read is nobody's but the program's that reads. */
  #someFlags(before: readonly string[]): string[] {
    const seen = before.filter((flag) => flag === '\\Seen');
    return [...seen, ...['\\Flagged', '\\Answered'].filter(() => this.#below(2) === 0)];
  }

  /** @returns names of the messages, in a fixed order */
  async #look(): Promise<string> {
    const flow = await connectImapFlow(this.login('imap'));
    const lock = await flow.getMailboxLock('INBOX');
    const { uidValidity } = flow.mailbox as { uidValidity: bigint };
    this.#uidValidity ??= uidValidity;
    if (uidValidity !== this.#uidValidity) this.uidChanges.push(`UIDVALIDITY ${uidValidity}`);
    const names: string[] = [];
    for await (const { uid, envelope } of flow.fetch('1:*', { uid: true, envelope: true })) {
      const name = envelope?.subject ?? '';
      names.push(name);
      const first = this.#uids.get(uid) ?? name;
      this.#uids.set(uid, first);
      if (first !== name) this.uidChanges.push(`${uid}: ${first}, then ${name}`);
    }
    lock.release();
    await flow.logout();
    return names.sort().join();
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}
