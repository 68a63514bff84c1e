import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { destinationOf } from '../../../../src/queue/message.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../../../src/queue/stores/sqlite/store.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { newMessage, put } from '../store-contract.ts';

const destination = destinationOf(newMessage());
const later = newMessage().receivedAtMs + 1000;

function open(folder = temporaryFolder(), options: Partial<SqliteStoreOptions> = {}) {
  const told: string[] = [];
  const store = openSqliteStore(folder, {
    exclusive: true,
    onQuarantined: (id, damage) => told.push(`${id} ${damage}`),
    ...options,
  });
  onTestFinished(() => store.close().catch(() => {}));
  return { store, folder, told };
}

/** Changes the tables in a way that none of our programs does. */
function tamper(folder: string, sql: string): void {
  const db = new DatabaseSync(join(folder, 'queue.sqlite'));
  db.exec(sql);
  db.close();
}

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test.each([
  ['recipients that are no JSON', `recipients = '[{"addr'`],
  ['recipients without an address', `recipients = '[{"state":"pending"}]'`],
  ['recipients that are no list', `recipients = 'null'`],
  ['an envelope that is no JSON', `envelope = ''`],
  ['an envelope that is none', `envelope = 'null'`],
  ['an unknown courier', `courier = 'pigeon'`],
])('an entry with %s is quarantined and told once; the others go on', async (_, damage) => {
  const { store, folder, told } = open();
  const bad = await put(store, 'x');
  const sound = await put(store, 'y');
  tamper(folder, `UPDATE messages SET ${damage} WHERE id = '${bad.id}'`);
  expect((await store.due(destination, later, 10)).map((each) => each.id)).toEqual([sound.id]);
  expect((await store.list({ recipient: '*' }, 10)).map((each) => each.id)).toContain(sound.id);
  await settled();
  expect((await store.due(destination, later, 10)).map((each) => each.id)).toEqual([sound.id]);
  expect(await store.list({ states: ['quarantined'] }, 10)).toMatchObject([
    { id: bad.id, state: 'quarantined', damage: 'Its entry in the database cannot be read.' },
  ]);
  expect(told).toEqual([`${bad.id} Its entry in the database cannot be read.`]);
  expect((await buffer(await store.open(bad.id))).toString()).toBe('x');
});

test.each([100, 100_000, 700_000])('a changed octet in a body of %i is found before its end', async (size) => {
  const { store, folder, told } = open();
  const { id } = await put(store, Buffer.alloc(size, 'a'));
  const changed = Buffer.alloc(size, 'a');
  changed[7] = 0x62;
  if (size > 65_536) writeFileSync(join(folder, 'bodies', `${id}.eml`), changed);
  else tamper(folder, `UPDATE bodies SET content = x'${changed.toString('hex')}'`);

  let seen = 0;
  const read = async () => {
    for await (const chunk of await store.open(id)) seen += chunk.length;
  };
  await expect(read()).rejects.toMatchObject({ code: 'queue-body-damaged' });
  expect(seen).toBeLessThan(size);
  await settled();
  expect(await store.get(id)).toMatchObject({ state: 'quarantined' });
  expect(told).toEqual([`${id} The body of message ${id} is damaged: its checksum is wrong.`]);
  expect((await buffer(await store.open(id, { evenIfDamaged: true }))).equals(changed)).toBe(true);
});

test('a command that meets damage changes nothing: that is left to the bridge', async () => {
  const { store, folder } = open();
  const bad = await put(store, 'x');
  tamper(folder, `UPDATE messages SET recipients = ''`);
  const command = open(folder, { exclusive: false });
  expect((await command.store.get(bad.id))?.state).toBe('quarantined');
  await settled();
  expect(await command.store.count('queued')).toBe(1);
  expect(command.told).toEqual([]);
});

test('a bridge does not start on a damaged database, and says what to do', async () => {
  const { store, folder } = open();
  for (let i = 0; i < 50; i++) await put(store, Buffer.alloc(5000, 'a'));
  await store.close();
  const file = join(folder, 'queue.sqlite');
  const octets = readFileSync(file);
  octets.fill(0x5a, 3 * 8192, 12 * 8192);
  writeFileSync(file, octets);
  expect(() => open(folder)).toThrow(
    expect.objectContaining({ code: 'queue-damaged', remedy: expect.stringContaining('mailbridge queue repair') }),
  );
  expect(readFileSync(file).equals(octets)).toBe(true);
});

test('bodies whose database was moved away are kept', async () => {
  const { store, folder } = open();
  const { id } = await put(store, Buffer.alloc(100_000, 'a'));
  await store.close();
  mkdirSync(join(folder, 'elsewhere'));
  for (const file of readdirSync(folder)) {
    if (file.startsWith('queue.sqlite')) renameSync(join(folder, file), join(folder, 'elsewhere', file));
  }
  const asides: (string | number)[] = [];
  open(folder, { onBodiesSetAside: (...told) => asides.push(...told) });
  expect(asides).toEqual([1, join(folder, 'recovered')]);
  expect(readdirSync(join(folder, 'recovered'))).toEqual([`${id}.eml`]);
});
