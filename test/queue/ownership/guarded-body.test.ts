import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { guardedBody } from '../../../src/queue/ownership/guarded-body.ts';

const pieces = (...each: (string | Buffer)[]) =>
  Readable.from(
    each.map((piece) => Buffer.from(piece)),
    { objectMode: false },
  );
const free = () => {};
const refuse = () => {
  throw new Error('refused');
};

/** The content before the failure, and the failure. */
async function readUntilFailure(body: Readable) {
  const seen: Buffer[] = [];
  try {
    for await (const piece of body) seen.push(piece as Buffer);
  } catch (error) {
    return { seen: Buffer.concat(seen), error: (error as Error).message };
  }
  return { seen: Buffer.concat(seen), error: undefined };
}

test.each([
  ['one piece', ['Subject: x\r\n\r\nx\r\n']],
  ['several', ['a'.repeat(100_000), 'b'.repeat(100_000), 'c'.repeat(9)]],
  ['nothing', []],
  ['empty pieces', ['', 'a', '']],
])('%s comes as it is', async (_, each) => {
  expect((await buffer(guardedBody(() => pieces(...each), free))).toString()).toBe(each.join(''));
});

test('nothing is opened before it is read, and what cannot be opened fails then', async () => {
  let opened = 0;
  const open = async () => {
    opened += 1;
    throw new Error('gone');
  };
  const body = guardedBody(open, free);
  await turn();
  expect(opened).toBe(0);
  expect(await readUntilFailure(body)).toMatchObject({ error: 'gone' });
  const neverRead = guardedBody(open, free);
  neverRead.destroy();
  await turn();
  expect(opened).toBe(1);
});

test('of a message in one piece nothing comes where its end must not', async () => {
  expect(await readUntilFailure(guardedBody(() => pieces('whole'), refuse))).toMatchObject({ error: 'refused' });
  expect((await readUntilFailure(guardedBody(() => pieces('whole'), refuse))).seen).toHaveLength(0);
});

test('the guard is asked when the end is asked for, and not before, though all of it has been read', async () => {
  let mayEnd = true;
  const source = pieces('a'.repeat(200_000), 'b'.repeat(200_000));
  const body = guardedBody(
    () => source,
    () => {
      if (!mayEnd) throw new Error('refused');
    },
  );
  const reader = body[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  for (let octets = 0; octets < 400_000 - 4096; octets += seen.at(-1)?.length ?? 0)
    seen.push((await reader.next()).value);
  mayEnd = false;
  await expect(reader.next()).rejects.toThrow('refused');
  expect(Buffer.concat(seen)).toHaveLength(400_000 - 4096);
  expect(source.destroyed).toBe(true);
});

test('a source that breaks off breaks it off, and one that is left is destroyed', async () => {
  const broken = new Readable({
    read() {
      this.push(Buffer.from('a'));
      this.destroy(new Error('disk I/O error'));
    },
  });
  expect(await readUntilFailure(guardedBody(() => broken, free))).toMatchObject({ error: 'disk I/O error' });
  const source = pieces('a'.repeat(500_000), 'b'.repeat(500_000));
  for await (const _ of guardedBody(() => source, free)) break;
  await turn();
  expect(source.destroyed).toBe(true);
});

test('a source that has more to come is destroyed when nobody reads on', async () => {
  let left = 2;
  const source = new Readable({
    read() {
      if (left-- > 0) this.push(Buffer.alloc(100_000, 'a'));
    },
  });
  for await (const _ of guardedBody(() => source, free)) break;
  await turn();
  expect(source.destroyed).toBe(true);
});
