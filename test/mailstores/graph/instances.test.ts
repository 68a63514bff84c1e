import { ImapFlow } from 'imapflow';
import { describe, expect, test } from 'vitest';
import { afterTest } from '../../simulator/harness.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { listenEngine } from '../../support/imap-engine.ts';
import { postgresForTests } from '../../support/postgres.ts';
import { sharing } from './shared.ts';
import { GraphWorld, heard, listing, message } from './world.ts';

test('two instances that list a mailbox in the same second give each folder another UIDVALIDITY', async () => {
  const world = await GraphWorld.start({}, false, new FakeClock(Date.now()));
  const mailboxes = [world.mailbox, await world.instance(), await world.instance(), await world.instance()];
  const given = new Map<string, number[]>();
  for (const mailbox of mailboxes) {
    for (const [name, { uidValidity }] of await mailbox.folders()) {
      given.set(name, [...(given.get(name) ?? []), uidValidity]);
      expect(uidValidity).toBeGreaterThan(2 ** 31);
      expect(uidValidity).toBeLessThan(2 ** 32);
    }
  }
  const all = [...given.values()].flat();
  expect(all.length).toBe(4 * given.size);
  expect(new Set(all).size).toBe(all.length);
});

test('an index that is made anew a week later gives higher ones', async () => {
  const clock = new FakeClock(Date.now());
  const world = await GraphWorld.start({}, false, clock);
  const before = [...(await world.mailbox.folders()).values()].map(({ uidValidity }) => uidValidity);
  await clock.advance(2 * 7 * 24 * 60 * 60_000);
  const after = [...(await (await world.instance()).folders()).values()].map(({ uidValidity }) => uidValidity);
  expect(Math.min(...after)).toBeGreaterThan(Math.max(...before));
});

/** What a client that goes from instance to instance remembers: the message for each UIDVALIDITY and UID. */
type Remembered = Map<string, string>;

async function readAll(port: number, remembered: Remembered): Promise<number> {
  const auth = { user: 'alice', pass: 'secret-of-alice' };
  const flow = new ImapFlow({ host: '127.0.0.1', port, secure: false, auth, logger: false });
  await flow.connect();
  const lock = await flow.getMailboxLock('INBOX');
  let read = 0;
  try {
    const { uidValidity } = flow.mailbox as { uidValidity: bigint };
    for await (const { uid, envelope } of flow.fetch('1:*', { envelope: true })) {
      const key = `${uidValidity} ${uid}`;
      expect([key, remembered.get(key) ?? envelope?.subject]).toEqual([key, envelope?.subject]);
      remembered.set(key, envelope?.subject ?? '');
      read += 1;
    }
  } finally {
    lock.release();
    await flow.logout();
  }
  return read;
}

test('imapflow, sent from one instance to the other, takes no message for another', async () => {
  const world = await GraphWorld.start();
  for (const subject of ['a', 'b', 'c']) world.deliver(subject);
  const mailboxes = [world.mailbox, await world.instance()];
  const ports: number[] = [];
  for (const mailbox of mailboxes) {
    const { port, close } = await listenEngine(() => world.store(undefined, mailbox));
    ports.push(port);
    afterTest(close);
  }
  const [one = 0, other = 0] = ports;
  const remembered: Remembered = new Map();
  expect(await readAll(one, remembered)).toBe(3);
  // From here on the same UID means another message at the other instance.
  world.m365.directory.remove('reports@contoso.example', 'INBOX', 1);
  world.deliver('d');
  expect(await readAll(other, remembered)).toBe(3);
  world.m365.directory.remove('reports@contoso.example', 'INBOX', 2);
  world.deliver('e');
  for (const port of [one, other, one, other]) expect(await readAll(port, remembered)).toBe(3);
  const [first, second] = [...new Set([...remembered.keys()].map((key) => key.split(' ')[0]))];
  expect(remembered.get(`${first} 2`)).toBe('b');
  expect(remembered.get(`${second} 2`)).toBe('c');
});

describe('that share their index', () => {
  const server = postgresForTests();

  /** A mailbox on two instances. */
  async function two() {
    const share = sharing(server());
    const world = await GraphWorld.start({ share: share() });
    const other = await world.instance(share());
    await world.mailbox.folders();
    await other.folders();
    return { world, other };
  }

  test('each folder has the same UIDVALIDITY and the same id', async () => {
    const { world, other } = await two();
    const [one, last] = [await world.store().folders(), await world.store(undefined, other).folders()];
    expect(one).toEqual(last);
    for (const { name } of one) {
      expect(await world.store(undefined, other).status(name)).toEqual(await world.store().status(name));
    }
  });

  test('a folder that one has listed is no longer counted by Exchange at the other', async () => {
    const { world, other } = await two();
    for (const subject of ['a', 'b', 'c']) world.deliver(subject);
    const open = await world.store().open('INBOX', { readOnly: false });
    await open.remove([3]);
    await open.setFlags([1], 'add', ['\\Seen']);
    const status = await world.store(undefined, other).status('INBOX');
    expect(status).toMatchObject({ messages: 2, unseen: 1, uidNext: 4, highestModseq: open.highestModseq });
  });

  test('a session hears what is done at the other instance, and Graph is not asked for it', async () => {
    const { world, other } = await two();
    for (const subject of ['a', 'b', 'c']) world.deliver(subject);
    const here = await world.store().open('INBOX', { readOnly: false });
    const there = await world.store(undefined, other).open('INBOX', { readOnly: false });
    const told = heard(there);
    await here.setFlags([2], 'add', ['\\Flagged']);
    await here.remove([1]);
    await world.store().append('INBOX', [message('d')]);
    await here.move([3], 'INBOX');
    await expect.poll(() => there.uidNext).toBe(6);
    // Several changes may be reported together, new messages one by one.
    const all = told.join(' ');
    // Which session is told of new mail first is not defined.
    expect(all.replaceAll(' recent', '').match(/added \d+/g)).toEqual(['added 4', 'added 5']);
    expect(all).toMatch(/flags 2 \\Flagged/);
    expect(all).toMatch(/removed 1( .*)?( removed)? 3/);
    expect(await listing(there)).toEqual({ 2: 'b \\Flagged', 4: 'd', 5: 'c' });
    expect(there.highestModseq).toBe(here.highestModseq);
    expect(await there.removedSince(1)).toEqual(await here.removedSince(1));
  });

  test('a folder that is made, renamed or deleted at one instance is so at the other at once', async () => {
    const { world, other } = await two();
    const [here, there] = [world.store(), world.store(undefined, other)];
    const names = async () => (await there.folders()).map(({ name }) => name).filter((name) => /^(New|Old)/.test(name));
    const id = await here.createFolder('New');
    expect(await names()).toEqual(['New']);
    expect((await there.folders()).find(({ name }) => name === 'New')).toMatchObject({ id, subscribed: false });
    await here.setSubscribed('New', true);
    expect((await there.folders()).find(({ name }) => name === 'New')).toMatchObject({ subscribed: true });
    await here.renameFolder('New', 'Old');
    expect(await names()).toEqual(['Old']);
    expect((await there.folders()).find(({ name }) => name === 'Old')).toMatchObject({ id, subscribed: true });
    await here.deleteFolder('Old');
    // It is still subscribed, but no longer a folder (RFC 9051 section 6.3.7).
    expect((await there.folders()).find(({ name }) => name === 'Old')).toMatchObject({ selectable: false });
    await there.setSubscribed('Old', false);
    expect((await here.folders()).some(({ name }) => name === 'Old')).toBe(false);
  });

  test('a message of which nobody knows whether it was stored is not stored again at the other instance', async () => {
    const { world, other } = await two();
    const what = 'folder digest';
    const note = await world.mailbox.appends.begin(what);
    expect(await other.appends.begin(what)).toMatchObject({ marker: note.marker, isAgain: true });
  });

  test('imapflow, sent from one instance to the other, finds the same UIDs', async () => {
    const { world, other } = await two();
    for (const subject of ['a', 'b', 'c']) world.deliver(subject);
    const ports: number[] = [];
    for (const mailbox of [world.mailbox, other]) {
      const { port, close } = await listenEngine(() => world.store(undefined, mailbox));
      ports.push(port);
      afterTest(close);
    }
    const [one = 0, last = 0] = ports;
    const remembered: Remembered = new Map();
    expect(await readAll(one, remembered)).toBe(3);
    world.m365.directory.remove('reports@contoso.example', 'INBOX', 1);
    world.deliver('d');
    expect(await readAll(last, remembered)).toBe(3);
    world.m365.directory.remove('reports@contoso.example', 'INBOX', 2);
    world.deliver('e');
    for (const port of [one, last, one, last]) expect(await readAll(port, remembered)).toBe(3);
    const [uidValidity] = [...remembered.keys()].map((key) => key.split(' ')[0]);
    const uids = Object.fromEntries(
      [...remembered].map(([key, subject]) => [key.replace(`${uidValidity} `, ''), subject]),
    );
    expect(uids).toEqual({ 1: 'a', 2: 'b', 3: 'c', 4: 'd', 5: 'e' });
  });
});
