import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ImapFlow } from 'imapflow';
import { afterEach, expect, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { needProgram } from '../support/external.ts';
import { namedLetter } from '../support/named-letters.ts';
import { Mailbridge } from '../support/process.ts';
import { seededRandom } from '../support/random.ts';
import type { ReadLogin } from '../support/read-clients.ts';
import { connectImapFlow } from '../support/read-clients-libraries.ts';
import { Maildir } from '../support/read-clients-maildir.ts';
import { Mbsync } from '../support/read-clients-programs.ts';
import { alice, contosoConfig, password, type RelayFolder, relayFolder, startContoso } from '../support/relay.ts';

/** `GRAPH_MESSAGES=20000 GRAPH_RESTARTS=30` for a long run. */
const messages = Number(process.env.GRAPH_MESSAGES ?? 150);
const restarts = Number(process.env.GRAPH_RESTARTS ?? 3);
/** What Microsoft allows a mailbox; a long run takes more. */
const requests = Number(process.env.GRAPH_REQUESTS ?? 10_000);
const seed = Number(process.env.GRAPH_SEED ?? Math.floor(Math.random() * 1e9));

const folders: readonly string[] = ['INBOX', 'Projects'];
const flags = ['\\Seen', '\\Flagged', '\\Answered'];
/** The first synchronization fetches every message; later ones fetch changes. */
const syncSeconds = 60 + messages / 10;

let world: World | undefined;

afterEach(async () => {
  await world?.close();
  world = undefined;
});

test(`mbsync, another client and the server change ${messages} messages behind Graph, the bridge being killed ${restarts} times (seed ${seed})`, {
  timeout: 60_000 + messages * 60 + restarts * (15_000 + messages * 3),
}, async (context) => {
  needProgram(context, 'mbsync');
  world = await World.start();
  for (let round = 0; round < restarts; round++) {
    const over = new AbortController();
    const client = await world.connect();
    const all = Promise.allSettled([
      world.synchronizing(over.signal),
      world.clientWorks(client, over.signal),
      world.serverWorks(over.signal),
    ]);
    // The first one is cut off while it lists or fetches the messages; later ones have time for all of them.
    await pause(world.below(round === 0 ? 1500 : 6000 + messages * 5));
    over.abort();
    await world.restart();
    for (const each of await all) if (each.status === 'rejected') throw each.reason;
    await world.maildirChanges();
    await world.look();
  }
  await world.settle();
  const shown = await world.look();
  console.log(`${world.told}, seed ${seed}`);

  for (const folder of folders) {
    expect(shown[folder]).toEqual(world.far(folder));
    expect(await world.near(folder)).toEqual(world.far(folder));
  }
  const there = folders.flatMap((folder) => world?.far(folder) ?? []).map((line) => line.split(' ')[0] as string);
  expect(world.doubled()).toEqual([]);
  expect([...world.delivered].filter((name) => !world?.mayBeGone.has(name) && !there.includes(name))).toEqual([]);
  expect(there.filter((name) => world?.gone.has(name))).toEqual([]);
});

/** The name of a message if its subject and body agree on it. */
function nameOf(content: string): string {
  const subject = /^Subject: (\S+)\r?$/m.exec(content)?.[1];
  const [header = '', body = ''] = content.split(/\r?\n\r?\n/);
  const text = /^Content-Transfer-Encoding: base64\r?$/m.test(header) ? Buffer.from(body, 'base64').toString() : body;
  return text.trim() === `This is ${subject}.` ? `${subject}` : `${subject} mixed up with ${text}`;
}

function lineOf(name: string, told: readonly string[]): string {
  return [name, ...told.filter((flag) => flags.includes(flag)).sort()].join(' ');
}

/**
 * Who may do what with a message: if one side removes it and the other marks it, that is a conflict, in which mbsync
 * keeps both.
 */
function who(name: string): 'both sides mark it' | 'only the Maildir changes it' | 'only the others change it' {
  const number = Number(name.slice(1)) % 4;
  if (number === 0) return 'both sides mark it';
  return number === 1 ? 'only the Maildir changes it' : 'only the others change it';
}

/** The reply about a removed message to a client that has not been sent its EXPUNGE yet (RFC 5530). */
function goneMeanwhile(error: unknown): void {
  const { response } = error as { response?: unknown };
  const said = JSON.stringify(response ?? '');
  if (said.includes('EXPUNGEISSUED')) return;
  throw response === undefined ? error : new Error(`the bridge refused a command: ${said}`, { cause: error });
}

/** A mailbox behind Graph, the bridge as a separate process, and those who work in the mailbox. */
class World {
  /** Every message that ever existed. */
  readonly delivered = new Set<string>();
  /** Removed for certain. */
  readonly gone = new Set<string>();
  /** Somebody has at least asked for it. */
  readonly mayBeGone = new Set<string>();
  readonly #simulator: Simulator;
  readonly #folder: RelayFolder;
  readonly #random = seededRandom(seed);
  /** UIDVALIDITY of each folder, and the name of the message that each UID was first seen with. */
  readonly #seen = new Map<string, { uidValidity: bigint | undefined; names: Map<number, string> }>();
  #bridge: Mailbridge;
  #count = 0;
  #syncs = 0;

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
        listeners: [{ protocol: 'imap', port: 0, security: 'starttls' }],
        accounts: [account],
        limits: { graphPollSeconds: 5, graphRequestsPerTenMinutes: requests },
      }),
    );
    const world = new World(simulator, folder, await Mailbridge.start(folder.configFile));
    await simulator.directory.openStore(alice).createFolder('Projects');
    for (let each = 0; each < messages; each++) world.deliver('INBOX');
    return world;
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  deliver(folder: string): void {
    const name = `m${++this.#count}`;
    this.delivered.add(name);
    this.#simulator.directory.deliver(alice, folder, Buffer.from(namedLetter(name)));
  }

  /** Killed whatever it is doing. */
  async restart(): Promise<void> {
    await this.#bridge.kill();
    this.#bridge = await Mailbridge.start(this.#folder.configFile);
  }

  /** mbsync, again and again; it may fail because the bridge is killed. */
  async synchronizing(over: AbortSignal): Promise<void> {
    do this.#syncs += (await this.#mbsync().sync(syncSeconds)).code === 0 ? 1 : 0;
    while (!over.aborted);
  }

  /** Others, unknown to the bridge, deliver, mark, move and remove messages. */
  async serverWorks(over: AbortSignal): Promise<void> {
    const { directory } = this.#simulator;
    const store = directory.openStore(alice);
    while (!over.aborted) {
      const folder = this.#folderName();
      const message = this.#pick(directory.messages(alice, folder));
      const whose = message && who(nameOf(message.content.toString()));
      const what = this.below(4);
      if (what === 0 || message === undefined) this.deliver(folder);
      else if (whose === 'only the Maildir changes it') continue;
      else if (what === 1 || whose === 'both sides mark it')
        directory.replaceFlags(alice, folder, message.uid, this.#someFlags());
      else if (what === 2) {
        const open = await store.open(folder, { readOnly: false });
        await open.move([message.uid], folder === 'INBOX' ? 'Projects' : 'INBOX');
        await open.close();
      } else if (this.below(3) === 0) {
        const name = nameOf(message.content.toString());
        this.mayBeGone.add(name);
        this.gone.add(name);
        directory.remove(alice, folder, message.uid);
      }
      await pause(this.below(60));
    }
    await store.close();
  }

  async connect(): Promise<ImapFlow> {
    return await connectImapFlow(this.#login());
  }

  /** Another client of the bridge. What it asked for before the bridge was killed may or may not have happened. */
  async clientWorks(flow: ImapFlow, over: AbortSignal): Promise<void> {
    try {
      while (!over.aborted) await this.#clientStep(flow).catch(goneMeanwhile);
      await flow.logout();
    } catch (error) {
      flow.close();
      if (!over.aborted) throw error;
    }
  }

  /** A person at the Maildir: writes, marks and removes. */
  async maildirChanges(): Promise<void> {
    for (const folder of folders) {
      const maildir = await Maildir.make(join(this.#folder.path, 'mail', folder));
      const there = await maildir.messages();
      for (let each = 0; each < 5; each++) {
        const message = this.#pick(there);
        const isOurs = message !== undefined && who(nameOf(message.content)) !== 'only the others change it';
        if (isOurs) await maildir.setFlags(message, this.#someFlags()).catch(() => {});
      }
      const removed = this.#pick(there.filter(({ content }) => who(nameOf(content)) === 'only the Maildir changes it'));
      if (removed !== undefined) {
        // A message that mbsync has lost track of comes again.
        this.mayBeGone.add(nameOf(removed.content));
        await rm(removed.file, { force: true });
      }
      const name = `m${++this.#count}`;
      this.delivered.add(name);
      await maildir.deliver(namedLetter(name).replaceAll('\r\n', '\n'));
    }
  }

  /** Checks that every UID still means the same message and none is reused. @returns names and flags of each folder */
  async look(): Promise<Record<string, string[]>> {
    const shown: Record<string, string[]> = {};
    const flow = await this.connect();
    for (const folder of folders) {
      shown[folder] = [];
      const lock = await flow.getMailboxLock(folder);
      const { uidValidity } = flow.mailbox as { uidValidity: bigint };
      const seen = this.#seen.get(folder) ?? { uidValidity, names: new Map<number, string>() };
      this.#seen.set(folder, seen);
      expect(uidValidity).toBe(seen.uidValidity);
      for await (const { uid, envelope, flags: told } of flow.fetch('1:*', {
        uid: true,
        envelope: true,
        flags: true,
      })) {
        expect([uid, envelope?.subject]).toEqual([uid, seen.names.get(uid) ?? envelope?.subject]);
        seen.names.set(uid, envelope?.subject ?? '');
        shown[folder]?.push(lineOf(envelope?.subject ?? '', [...(told ?? [])]));
      }
      lock.release();
      shown[folder].sort();
    }
    await flow.logout();
    return shown;
  }

  /** How much there was to do. */
  get told(): string {
    const [inbox, projects] = folders.map((folder) => this.far(folder).length);
    return `${this.delivered.size} messages, ${inbox} in INBOX and ${projects} in Projects, ${this.#syncs} of mbsync's runs went well`;
  }

  /** Synchronizes until nothing is left to do. */
  async settle(): Promise<void> {
    for (let times = 0; times < 3; times++) {
      const { code, output } = await this.#mbsync().sync(syncSeconds);
      expect(code, output).toBe(0);
    }
  }

  /** Names and flags in the Maildir. */
  async near(folder: string): Promise<string[]> {
    const maildir = new Maildir(join(this.#folder.path, 'mail', folder));
    return (await maildir.messages()).map(({ content, flags: told }) => lineOf(nameOf(content), told)).sort();
  }

  /** Names and flags on the server. */
  far(folder: string): string[] {
    return this.#simulator.directory
      .messages(alice, folder)
      .map(({ content, flags: told }) => lineOf(nameOf(content.toString()), told))
      .sort();
  }

  /** Names of messages that the server has twice. */
  doubled(): string[] {
    const names = folders.flatMap((folder) => this.far(folder).map((line) => line.split(' ')[0] as string));
    return names.filter((name, at) => names.indexOf(name) !== at);
  }

  async close(): Promise<void> {
    await this.#bridge.kill();
    await this.#simulator.close();
    await this.#folder.remove();
  }

  async #clientStep(flow: ImapFlow): Promise<void> {
    const folder = this.#folderName();
    const lock = await flow.getMailboxLock(folder);
    try {
      const { exists } = flow.mailbox as { exists: number };
      if (exists < 5) return;
      const at = String(1 + this.below(exists));
      const what = this.below(5);
      const options = { uid: true };
      const message = await flow.fetchOne(at, { envelope: true, uid: true });
      if (!message) return;
      const whose = who(message.envelope?.subject ?? '');
      if (whose === 'only the Maildir changes it') return;
      if (whose === 'both sides mark it') {
        await flow.messageFlagsAdd(String(message.uid), this.#someFlags(), options);
      } else if (what === 0)
        await flow.messageMove(String(message.uid), folder === 'INBOX' ? 'Projects' : 'INBOX', options);
      else if (what === 1 && this.below(3) === 0) {
        this.mayBeGone.add(message.envelope?.subject ?? '');
        await flow.messageDelete(String(message.uid), options);
      } else await flow.messageFlagsAdd(String(message.uid), this.#someFlags(), options);
    } finally {
      lock.release();
    }
  }

  #mbsync(): Mbsync {
    return new Mbsync(this.#folder.path, this.#login(), folders.join(' '));
  }

  #login(): ReadLogin {
    const authorityFile = join(this.#folder.path, 'data', 'tls', 'ca.crt');
    const port = this.#bridge.port();
    return { protocol: 'imap', security: 'starttls', port, username: 'reader', password, authorityFile };
  }

  #folderName(): string {
    return this.#pick(folders) ?? 'INBOX';
  }

  #someFlags(): string[] {
    return flags.filter(() => this.below(2) === 0);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
}
