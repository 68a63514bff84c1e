import { expect, test } from 'vitest';
import { AllSentItems, PermittedSentItems, type SentItems } from '../../../src/couriers/sent-items/sent-items.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { idOf, remove } from './removal.ts';

const shared = 'shared@contoso.example';
const alice = 'alice@contoso.example';
const query = { mailbox: shared, messageId: '<1@x.example>', couriers: ['graph'] } as const;
const { signal } = new AbortController();
const loginOf = async () => alice;

/** Sent Items by mailbox; those left out may not be searched, and an error is thrown. */
const sentItems = (copies: Readonly<Record<string, readonly string[] | Error>>): SentItems => ({
  async find({ mailbox }) {
    const found = copies[mailbox];
    if (found instanceof Error) throw found;
    return found;
  },
  remove: async () => false,
});

test('the copy of what a person sent by SMTP as a shared mailbox is looked for with the person', async () => {
  const items = sentItems({ [shared]: [], [alice]: ['marker'] });
  expect(await new AllSentItems(items, loginOf, () => ['login']).find(query, signal)).toEqual({ markers: ['marker'] });
});

const closed = { notPermitted: true };
const down = new Error('503');

test.each([
  // After a change of courier, each may have one, for other recipients.
  [{ [shared]: ['a'], [alice]: ['b'] }, { markers: ['a', 'b'] }],
  [{ [shared]: [], [alice]: ['b'] }, { markers: ['b'] }],
  [{ [shared]: [], [alice]: [] }, { markers: [] }],
  // A missing copy in one proves nothing about the other; an existing copy is proof.
  [{ [shared]: ['a'] }, { markers: ['a'], unseen: closed }],
  [{ [alice]: ['b'] }, { markers: ['b'], unseen: closed }],
  [{ [shared]: [] }, { markers: [], unseen: closed }],
  [{ [alice]: [] }, { markers: [], unseen: closed }],
  [{}, { markers: [], unseen: closed }],
  [
    { [shared]: down, [alice]: ['b'] },
    { markers: ['b'], unseen: { failure: down } },
  ],
  [
    { [shared]: ['a'], [alice]: down },
    { markers: ['a'], unseen: { failure: down } },
  ],
  [
    { [shared]: down, [alice]: [] },
    { markers: [], unseen: { failure: down } },
  ],
  [{ [alice]: down }, { markers: [], unseen: { failure: down } }],
  [{ [shared]: down }, { markers: [], unseen: { failure: down } }],
])('of what Graph or SMTP sent: with %j it is found %j', async (copies, found) => {
  const items = sentItems(copies as Record<string, string[] | Error>);
  expect(await new AllSentItems(items, loginOf, () => ['mailbox', 'login']).find(query, signal)).toEqual(found);
});

test('a person in their own mailbox is looked at once', async () => {
  expect(
    await new AllSentItems(
      sentItems({ [shared]: [] }),
      async () => shared,
      () => ['mailbox', 'login'],
    ).find(query, signal),
  ).toEqual({ markers: [] });
});

type Removable = Readonly<Record<string, Readonly<Record<string, number>> | Error>>;

/** Sent Items whose copies can be removed: how many of each message a mailbox has. */
function changeable(copies: Removable) {
  const asked: string[] = [];
  const items: SentItems = {
    find: async () => undefined,
    async remove({ mailbox, copies: wanted, onDone }) {
      asked.push(`${mailbox} ${wanted.map(({ messageId }) => messageId).join(' ')}`);
      const there = copies[mailbox];
      if (there instanceof Error) throw there;
      for (const copy of wanted) if (there) onDone(copy, there[copy.messageId] ?? 0);
      return there !== undefined;
    },
  };
  return { items, asked };
}

test.each([
  ['with both', { [shared]: { [idOf('m1')]: 1 }, [alice]: { [idOf('m1')]: 1 } }, { m1: 2 }, true],
  ['with one', { [shared]: {}, [alice]: { [idOf('m1')]: 1 } }, { m1: 1 }, true],
  ['with none', { [shared]: {}, [alice]: {} }, { m1: 0 }, true],
  ['with one, the other closed', { [alice]: { [idOf('m1')]: 1 } }, { m1: 1 }, true],
  ['with the other, this one closed', { [shared]: { [idOf('m1')]: 1 } }, { m1: 1 }, true],
  ['nowhere to be seen', {}, {}, false],
])('copies of what a person sent are removed wherever they are: %s', async (_where, copies, removed, permitted) => {
  const { items } = changeable(copies as Removable);
  const person = new AllSentItems(items, loginOf, () => ['mailbox', 'login']);
  expect(await remove(person, ['m1'], { mailbox: shared })).toEqual({ permitted, removed });
});

test.each([shared, alice])(
  'where %s fails, the copies with the other go all the same, and it is tried again',
  async (bad) => {
    const good = bad === shared ? alice : shared;
    const { items } = changeable({ [bad]: down, [good]: { [idOf('m1')]: 1 } });
    const done: unknown[] = [];
    const copies = ['m1', 'm2'].map((id) => ({ messageId: idOf(id), isOwn: () => true, mayGo: () => true }));
    const removal = { mailbox: shared, copies, onDone: (copy: unknown, times: number) => done.push(copy, times) };
    const all = new AllSentItems(items, loginOf, () => ['mailbox', 'login']);
    await expect(all.remove(removal, signal)).rejects.toBe(down);
    expect(done).toEqual([copies[0], 1]);
  },
);

test('where the service of one place is down, the copies go by the next', async () => {
  const open = changeable({ [alice]: { [idOf('m1')]: 1 } });
  const failing = changeable({ [alice]: down });
  const by = (...places: SentItems[]) =>
    remove(new PermittedSentItems(places, new FakeClock()), ['m1'], { mailbox: alice });
  expect(await by(failing.items, open.items)).toEqual({ permitted: true, removed: { m1: 1 } });
  // What is closed may not be all there is.
  await expect(by(failing.items, changeable({}).items)).rejects.toBe(down);
  await expect(by(changeable({}).items, failing.items)).rejects.toBe(down);
});

test('where one place is closed, the next is changed; for an hour the first is not asked again', async () => {
  const clock = new FakeClock();
  const closed = changeable({});
  const open = changeable({ [alice]: { [idOf('m1')]: 1 } });
  const items = new PermittedSentItems([closed.items, open.items], clock);
  for (let times = 0; times < 2; times += 1) {
    expect(await remove(items, ['m1'], { mailbox: alice })).toEqual({ permitted: true, removed: { m1: 1 } });
  }
  expect(closed.asked).toHaveLength(1);
  await clock.advance(3_600_000);
  await remove(items, ['m1'], { mailbox: alice });
  expect(closed.asked).toHaveLength(2);
  expect(open.asked).toHaveLength(3);
});

test('a place that closes in the middle leaves the rest to the next', async () => {
  const half: SentItems = {
    find: async () => undefined,
    async remove({ copies: [first], onDone }) {
      if (first) onDone(first, 1);
      return false;
    },
  };
  const rest = changeable({ [alice]: { [idOf('m2')]: 1 } });
  const items = new PermittedSentItems([half, rest.items], new FakeClock());
  expect(await remove(items, ['m1', 'm2'], { mailbox: alice })).toEqual({ permitted: true, removed: { m1: 1, m2: 1 } });
  expect(rest.asked).toEqual([`${alice} ${idOf('m2')}`]);
});

test('where looking is permitted and removing is not, looking goes on', async () => {
  const items: SentItems = { find: async () => ['found'], remove: async () => false };
  const permitted = new PermittedSentItems([items], new FakeClock());
  expect(await remove(permitted, ['m1'])).toMatchObject({ permitted: false });
  expect(await permitted.find({ mailbox: alice, messageId: idOf('m1'), couriers: ['graph'] }, signal)).toEqual([
    'found',
  ]);
});
