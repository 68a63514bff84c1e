import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { afterTest } from '../../simulator/harness.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { listenEngine } from '../../support/imap-engine.ts';
import { GraphWorld } from './world.ts';

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

/** What a client that goes from instance to instance remembers: the message of each UIDVALIDITY and UID. */
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
