import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { OpenFolder } from '../../../src/mailbox/mail-store.ts';
import type { ShareIndex } from '../../../src/mailstores/graph/index/mailbox-index.ts';
import type { GraphMailbox } from '../../../src/mailstores/graph/mailbox.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { seededRandom } from '../../support/random.ts';
import { sharing } from './shared.ts';
import { GraphWorld, reports } from './world.ts';

/** `GRAPH_MODEL_RUNS=100` for a long run. */
const runs = Number(process.env.GRAPH_MODEL_RUNS ?? 3);
const folders = ['INBOX', 'Archive', 'Projects'] as const;
const flags = ['\\Seen', '\\Flagged', '\\Answered', '\\Deleted'];

/** An instance of the bridge that serves the mailbox. */
interface Instance {
  readonly mailbox: GraphMailbox;
  restart(): void;
}

/** A session as an IMAP client keeps it: it knows only what it was told. */
class Session {
  readonly open: OpenFolder;
  readonly instance: Instance;
  readonly known = new Map<number, string>();
  /** Every message below it was announced. */
  #uidNext: number;

  private constructor(instance: Instance, open: OpenFolder) {
    this.instance = instance;
    this.open = open;
    this.#uidNext = open.uidNext;
    open.watch((change) => {
      if (change.kind === 'added') {
        expect(change.message.uid, `${open.name}: UIDNEXT was told`).toBeGreaterThanOrEqual(this.#uidNext);
        this.#uidNext = change.message.uid + 1;
        this.known.set(change.message.uid, said(change.message.flags));
      }
      if (change.kind === 'flags') this.known.set(change.uid, said(change.flags));
      if (change.kind === 'removed') for (const uid of change.uids) this.known.delete(uid);
    });
  }

  static async of(world: GraphWorld, folder: string, instance: Instance): Promise<Session> {
    const open = await world.store(undefined, instance.mailbox).open(folder, { readOnly: false });
    const session = new Session(instance, open);
    for await (const { uid, flags } of session.open.list()) session.known.set(uid, said(flags));
    return session;
  }
}

function said(flags: readonly string[]): string {
  return [...flags].sort().join(' ');
}

function unlessUnavailable(error: unknown): void {
  const { code } = error as { code?: string };
  if (code !== 'unavailable' && code !== 'shared-store-unavailable') throw error;
}

async function reachable({ index }: GraphMailbox): Promise<void> {
  const isReached = () =>
    index.authority.foldersRevision().then(
      () => true,
      () => false,
    );
  await expect.poll(isReached, { timeout: 20_000 }).toBe(true);
}

/** Clients of one or more instances, and the server, which change folders at random. */
class Model {
  readonly #world: GraphWorld;
  readonly #server: Awaited<ReturnType<GraphWorld['m365']['directory']['openStore']>>;
  readonly #instances: readonly Instance[];
  readonly #below: (bound: number) => number;
  /** The subject that a UID of a folder was reported with, at any instance. */
  readonly #subjects = new Map<string, string>();
  /** The highest HIGHESTMODSEQ reported for a folder, at any instance. */
  readonly #modseqs = new Map<string, number>();
  #sessions: Session[] = [];
  #count = 0;

  private constructor(world: GraphWorld, instances: readonly Instance[], seed: number) {
    const next = seededRandom(seed);
    this.#below = (bound) => Math.floor(next() * bound);
    this.#world = world;
    this.#instances = instances;
    this.#server = world.m365.directory.openStore(reports);
  }

  static async of(instances: number, seed: number, share?: () => ShareIndex): Promise<Model> {
    const world = await GraphWorld.start({ share: share?.() });
    const first: Instance = {
      get mailbox() {
        return world.mailbox;
      },
      restart: () => world.restart(),
    };
    const others = await Promise.all(Array.from({ length: instances - 1 }, () => world.another(share?.())));
    const model = new Model(world, [first, ...others], seed);
    for (const folder of ['Archive', 'Projects']) await model.#server.createFolder(folder).catch(() => undefined);
    return model;
  }

  /** @param outage takes PostgreSQL away for a while, and brings it back */
  async run(steps: number, outage?: () => Promise<void>): Promise<void> {
    for (const instance of this.#instances) await this.#enter(instance);
    const told: string[] = [];
    for (let step = 0; step < steps; step++) {
      const names = Object.keys(this.#steps);
      const some = Array.from({ length: 1 + this.#below(3) }, () => this.#pick(names));
      told.push(some.join(' + '));
      if (this.#below(15) === 0) {
        told.push('restart');
        await this.#restart(this.#pick(this.#instances));
      } else if (outage !== undefined && this.#below(12) === 0) {
        told.push('outage');
        await Promise.all([outage(), ...some.map((name) => this.#steps[name]?.().catch(unlessUnavailable))]);
        for (const { mailbox } of this.#instances) await reachable(mailbox);
      } else await Promise.all(some.map((name) => this.#steps[name]?.()));
    }
    await this.#settle(told);
    await this.#record();
    for (const instance of this.#instances) await this.#restart(instance);
    for (const session of this.#sessions) {
      expect(await this.#shown(session)).toEqual(this.#onServer(session.open.name));
    }
    await this.#same();
  }

  /** Each client logs in at an instance, and opens a folder. */
  async #enter(instance: Instance): Promise<void> {
    await instance.mailbox.folders();
    for (const folder of folders) {
      for (let each = 0; each < 2; each++) {
        const session = await Session.of(this.#world, folder, instance);
        const { uidValidity, highestModseq } = session.open;
        const key = `${folder} ${uidValidity}`;
        expect(highestModseq, `HIGHESTMODSEQ of ${folder}`).toBeGreaterThanOrEqual(this.#modseqs.get(key) ?? 0);
        this.#sessions.push(session);
      }
    }
  }

  /** Ends the instance and starts it again with the data that it kept. */
  async #restart(instance: Instance): Promise<void> {
    await this.#record();
    instance.restart();
    this.#sessions = this.#sessions.filter((session) => session.instance !== instance);
    await this.#enter(instance);
    await this.#record();
  }

  /** A UID that was reported for one message must never mean another. */
  async #record(): Promise<void> {
    for (const { open, known } of this.#sessions) {
      const key = `${open.name} ${open.uidValidity}`;
      this.#modseqs.set(key, Math.max(this.#modseqs.get(key) ?? 0, open.highestModseq));
      for await (const { uid, header } of open.headers([...known.keys()])) {
        const subject = /^Subject: (.*)\r$/m.exec(header.toString())?.[1] ?? '';
        expect(this.#subjects.get(`${key} ${uid}`) ?? subject).toBe(subject);
        this.#subjects.set(`${key} ${uid}`, subject);
      }
    }
  }

  /** Once nothing changes any more, all sessions have been told what the server has. */
  async #settle(told: readonly string[]): Promise<void> {
    for (const folder of folders) {
      for (let round = 0; round < 2; round++) {
        for (const { mailbox } of this.#instances) await this.#world.poll(folder, mailbox);
      }
      for (const { mailbox } of this.#instances) await this.#world.poll(folder, mailbox);
      for (const session of this.#sessions.filter(({ open }) => open.name === folder)) {
        expect([folder, await this.#shown(session), told]).toEqual([folder, this.#onServer(folder), told]);
      }
    }
  }

  /** All instances give a folder the same UIDVALIDITY, and a message the same UID. */
  async #same(): Promise<void> {
    for (const folder of folders) {
      const sessions = this.#sessions.filter(({ open }) => open.name === folder);
      const seen = await Promise.all(
        sessions.map(async ({ open, known }) => {
          const ids = [...known.keys()].map((uid) => [uid, open.emailId?.(uid)] as const);
          return { uidValidity: open.uidValidity, uidNext: open.uidNext, id: open.id, ids: new Map(ids) };
        }),
      );
      for (const each of seen) expect(each).toEqual(seen[0]);
    }
  }

  /** What the server has in a folder: subjects and flags, in no particular order. */
  #onServer(folder: string): string[] {
    return this.#world.m365.directory
      .messages(reports, folder)
      .map(({ content, flags }) => `${/^Subject: (.*)\r$/m.exec(content.toString())?.[1]} ${said(flags)}`)
      .sort();
  }

  /** What a session would show: subjects by UID, and flags as reported. */
  async #shown(session: Session): Promise<string[]> {
    const found: string[] = [];
    for await (const { uid, header } of session.open.headers([...session.known.keys()])) {
      found.push(`${/^Subject: (.*)\r$/m.exec(header.toString())?.[1]} ${session.known.get(uid)}`);
    }
    return found.sort();
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  readonly #steps: Record<string, () => Promise<unknown>> = {
    deliver: async () => this.#world.deliver(`m${++this.#count}`, { folder: this.#pick(folders) }),
    'server flags': async () => {
      const folder = this.#pick(folders);
      const message = this.#pick(this.#world.m365.directory.messages(reports, folder));
      // A message created as a draft stays one.
      const kept = message?.flags.includes('\\Draft') ? ['\\Draft'] : [];
      if (message) this.#world.m365.directory.replaceFlags(reports, folder, message.uid, [this.#pick(flags), ...kept]);
    },
    'server moves': async () => {
      const open = await this.#server.open(this.#pick(folders), { readOnly: false });
      const uids = [];
      for await (const { uid } of open.list()) uids.push(uid);
      if (uids.length > 0) await open.move([this.#pick(uids)], this.#pick(folders));
    },
    'server removes': async () => {
      const folder = this.#pick(folders);
      const message = this.#pick(this.#world.m365.directory.messages(reports, folder));
      if (message) this.#world.m365.directory.remove(reports, folder, message.uid);
    },
    flags: async () => {
      const session = this.#pick(this.#sessions);
      const uids = [...session.known.keys()].filter(() => this.#below(2) === 0);
      const how = this.#pick(['add', 'remove', 'replace'] as const);
      const { changed } = await session.open.setFlags(uids, how, [this.#pick(flags)]);
      for (const [uid, now] of changed) session.known.set(uid, said(now.flags));
    },
    remove: async () => {
      const session = this.#pick(this.#sessions);
      const gone = await session.open.remove([...session.known.keys()].slice(0, 1));
      for (const uid of gone) session.known.delete(uid);
    },
    move: async () => {
      const session = this.#pick(this.#sessions);
      const { from } = await session.open.move([...session.known.keys()].slice(-1), this.#pick(folders));
      for (const uid of from) session.known.delete(uid);
    },
    copy: async () => {
      const session = this.#pick(this.#sessions);
      await session.open.copy([...session.known.keys()].slice(0, 1), this.#pick(folders));
    },
    append: async () => {
      const octets = Buffer.from(`From: a@example.com\r\nSubject: m${++this.#count}\r\n\r\nx\r\n`);
      const message = { content: Readable.from([octets]), size: octets.length, flags: [this.#pick(flags)] };
      const { mailbox } = this.#pick(this.#instances);
      await this.#world.store(undefined, mailbox).append(this.#pick(folders), [message]);
    },
    poll: async () => await this.#world.poll(this.#pick(folders), this.#pick(this.#instances).mailbox),
    'changes forgotten': async () => {
      const fault = { target: 'graph', kind: 'status', status: 410, at: 'deltaMessages' } as const;
      this.#world.m365.faults.add(fault);
      await this.#world.poll(this.#pick(folders), this.#pick(this.#instances).mailbox);
    },
  };
}

const seeds = Array.from({ length: runs }, () => [
  Number(process.env.GRAPH_MODEL_SEED ?? Math.floor(Math.random() * 1e9)),
]);

test.each(seeds)(
  'clients and the server change folders at random (seed %i): all see the same, and no UID means two messages',
  { timeout: 120_000 },
  async (seed) => await (await Model.of(1, seed)).run(60),
);

describe('of instances that share their index', () => {
  const server = postgresForTests();

  test.each(seeds)('one does as it would alone (seed %i)', { timeout: 120_000 }, async (seed) => {
    await (await Model.of(1, seed, sharing(server()))).run(60);
  });

  test.each(seeds)(
    'three give each folder one UIDVALIDITY and each message one UID, in ascending order (seed %i)',
    { timeout: 240_000 },
    async (seed) => await (await Model.of(3, seed, sharing(server()))).run(60),
  );

  test.each(seeds.slice(0, 1))(
    'so they do where PostgreSQL fails amid their writings, and comes back (seed %i)',
    { timeout: 240_000 },
    async (seed) => {
      const model = await Model.of(2, seed, sharing(server()));
      await model.run(30, async () => {
        await delay(seed % 40);
        await server().kill();
        await delay(200);
        await server().run();
      });
    },
  );
});
