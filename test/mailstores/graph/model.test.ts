import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { FolderChange, OpenFolder } from '../../../src/mailbox/mail-store.ts';
import { seededRandom } from '../../support/random.ts';
import { GraphWorld, reports } from './world.ts';

/** `GRAPH_MODEL_RUNS=100` for a long run. */
const runs = Number(process.env.GRAPH_MODEL_RUNS ?? 3);
const folders = ['INBOX', 'Archive', 'Projects'] as const;

/** A session as an IMAP client keeps it: what it was told is all that it knows. */
class Session {
  readonly open: OpenFolder;
  readonly known = new Map<number, string>();

  private constructor(open: OpenFolder) {
    this.open = open;
    open.watch((change) => this.#hear(change));
  }

  static async of(world: GraphWorld, folder: string): Promise<Session> {
    const session = new Session(await world.store().open(folder, { readOnly: false }));
    for await (const { uid, flags } of session.open.list()) session.known.set(uid, said(flags));
    return session;
  }

  #hear(change: FolderChange): void {
    if (change.kind === 'added') this.known.set(change.message.uid, said(change.message.flags));
    if (change.kind === 'flags') this.known.set(change.uid, said(change.flags));
    if (change.kind === 'removed') for (const uid of change.uids) this.known.delete(uid);
  }
}

function said(flags: readonly string[]): string {
  return [...flags].sort().join(' ');
}

/** What the server has in a folder: subjects and flags, in no order. */
function onServer(world: GraphWorld, folder: string): string[] {
  return world.m365.directory
    .messages(reports, folder)
    .map(({ content, flags }) => `${/^Subject: (.*)\r$/m.exec(content.toString())?.[1]} ${said(flags)}`)
    .sort();
}

/** What a session would show: subjects by UID, and flags as it was told. */
async function shown(session: Session): Promise<string[]> {
  const found: string[] = [];
  for await (const { uid, header } of session.open.headers([...session.known.keys()])) {
    found.push(`${/^Subject: (.*)\r$/m.exec(header.toString())?.[1]} ${session.known.get(uid)}`);
  }
  return found.sort();
}

const flags = ['\\Seen', '\\Flagged', '\\Answered', '\\Deleted'];

test.each(Array.from({ length: runs }, () => [Math.floor(Math.random() * 1e9)]))(
  'clients and the server change folders at random (seed %i): all see the same, and no UID means two messages',
  { timeout: 120_000 },
  async (seed) => {
    const next = seededRandom(seed);
    const random = { below: (bound: number) => Math.floor(next() * bound) };
    const world = await GraphWorld.start();
    const server = world.m365.directory.openStore(reports);
    for (const folder of ['Archive', 'Projects']) await server.createFolder(folder).catch(() => undefined);
    /** Whose subject a UID of a folder was told to be. */
    const subjects = new Map<string, string>();
    let sessions: Session[] = [];
    let count = 0;
    const enter = async () => {
      sessions = [];
      for (const folder of folders) for (let each = 0; each < 2; each++) sessions.push(await Session.of(world, folder));
    };
    await enter();
    /** A UID that was told to be one message must never be another. */
    const record = async () => {
      for (const { open, known } of sessions) {
        for await (const { uid, header } of open.headers([...known.keys()])) {
          const subject = /^Subject: (.*)\r$/m.exec(header.toString())?.[1] ?? '';
          const key = `${open.name} ${open.uidValidity} ${uid}`;
          expect(subjects.get(key) ?? subject).toBe(subject);
          subjects.set(key, subject);
        }
      }
    };
    const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
    const steps: Record<string, () => Promise<unknown>> = {
      deliver: async () => world.deliver(`m${++count}`, { folder: pick(folders) }),
      'server flags': async () => {
        const folder = pick(folders);
        const message = pick(world.m365.directory.messages(reports, folder));
        // What was created as a draft stays one.
        const kept = message?.flags.includes('\\Draft') ? ['\\Draft'] : [];
        if (message) world.m365.directory.replaceFlags(reports, folder, message.uid, [pick(flags), ...kept]);
      },
      'server moves': async () => {
        const open = await server.open(pick(folders), { readOnly: false });
        const uids = [];
        for await (const { uid } of open.list()) uids.push(uid);
        if (uids.length > 0) await open.move([pick(uids)], pick(folders));
      },
      'server removes': async () => {
        const folder = pick(folders);
        const message = pick(world.m365.directory.messages(reports, folder));
        if (message) world.m365.directory.remove(reports, folder, message.uid);
      },
      flags: async () => {
        const session = pick(sessions);
        const uids = [...session.known.keys()].filter(() => random.below(2) === 0);
        const { changed } = await session.open.setFlags(uids, pick(['add', 'remove', 'replace']), [pick(flags)]);
        for (const [uid, now] of changed) session.known.set(uid, said(now.flags));
      },
      remove: async () => {
        const session = pick(sessions);
        const gone = await session.open.remove([...session.known.keys()].slice(0, 1));
        for (const uid of gone) session.known.delete(uid);
      },
      move: async () => {
        const session = pick(sessions);
        const { from } = await session.open.move([...session.known.keys()].slice(-1), pick(folders));
        for (const uid of from) session.known.delete(uid);
      },
      copy: async () => {
        const session = pick(sessions);
        await session.open.copy([...session.known.keys()].slice(0, 1), pick(folders));
      },
      append: async () => {
        const octets = Buffer.from(`From: a@example.com\r\nSubject: m${++count}\r\n\r\nx\r\n`);
        const message = { content: Readable.from([octets]), size: octets.length, flags: [pick(flags)] };
        await world.store().append(pick(folders), [message]);
      },
      poll: async () => await world.poll(pick(folders)),
      'changes forgotten': async () => {
        const fault = { target: 'graph', kind: 'status', status: 410, at: 'deltaMessages' } as const;
        world.m365.faults.add(fault);
        await world.poll(pick(folders));
      },
      restart: async () => {
        await record();
        world.restart();
        await enter();
        await record();
      },
    };
    const told: string[] = [];
    for (let step = 0; step < 60; step++) {
      const some = Array.from({ length: 1 + random.below(3) }, () =>
        pick(Object.keys(steps).filter((name) => name !== 'restart')),
      );
      if (random.below(15) === 0) some.splice(0, some.length, 'restart');
      told.push(some.join(' + '));
      await Promise.all(some.map((name) => steps[name]?.()));
    }
    for (const folder of folders) {
      await world.poll(folder);
      await world.poll(folder);
      for (const session of sessions.filter(({ open }) => open.name === folder)) {
        expect([folder, await shown(session), told]).toEqual([folder, onServer(world, folder), told]);
      }
    }
    await record();
    world.restart();
    await enter();
    await record();
    for (const session of sessions) expect(await shown(session)).toEqual(onServer(world, session.open.name));
  },
);
