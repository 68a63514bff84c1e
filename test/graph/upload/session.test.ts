import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chunkOctets, sessionFromOctets } from '../../../src/graph/upload/attachments.ts';
import type { Answer } from '../fake-graph.ts';
import { refusal } from '../fake-graph.ts';
import { attachment, message, octets } from '../message-with-files.ts';
import { type JsonWorld, jsonWorld, retry, sha256 } from '../send-json-world.ts';

/** The waits that there would have been, in milliseconds. */
const waits = vi.hoisted((): number[] => []);

vi.mock('node:timers/promises', () => ({ setTimeout: async (ms: number) => void waits.push(ms) }));

let world: JsonWorld;

beforeEach(async () => {
  waits.length = 0;
  world = await jsonWorld();
});

afterEach(() => world.close());

const large = octets(2 * chunkOctets + 1000);
const files = message(attachment('large.bin', large));
const gone = { name: 'GraphUnansweredError', mayBeDone: false, cause: { code: 'upstream-connection-lost' } };
const expects = (next: string): Answer => ({ status: 200, body: { nextExpectedRanges: [next] } });

/** The uploaded ranges, in order. */
function ranges(): readonly string[] {
  return world.server.arrived.flatMap(({ headers }) => headers['content-range']?.replace(/^bytes |\/.*$/g, '') ?? []);
}

function digests(): readonly string[] {
  return world.drafts.sent.flatMap(({ attachments }) => attachments.map(({ sha256: digest }) => digest));
}

describe('A session that expects other bytes than it gets', () => {
  it.each([
    ['has lost what it had', '0-'],
    ['is ahead of the file', String(2 * chunkOctets + 500)],
  ])('because it %s is given up: no octets go to a wrong place', async (_, next) => {
    world.drafts.after = (word, count) => (word === 'PUT /upload/N' && count === 2 ? expects(next) : undefined);
    world.drafts.before = (word) => (word === 'GET /upload/N' ? refusal(503, 'ServiceUnavailable') : undefined);
    await expect(world.send(files)).rejects.toMatchObject(gone);
    expect(ranges()).toEqual([`0-${chunkOctets - 1}`, `${chunkOctets}-${2 * chunkOctets - 1}`]);
    expect(world.drafts).toMatchObject({ sent: [], drafts: new Map() });
  });

  it('gets the rest of a chunk of which it has kept a part', async () => {
    const kept = chunkOctets + 1000;
    world.drafts.after = (word, count) => (word === 'PUT /upload/N' && count === 2 ? expects(`${kept}-`) : undefined);
    // The fake has the whole chunk, and says so when the rest of it comes.
    await world.send(files);
    expect(ranges()).toEqual([
      `0-${chunkOctets - 1}`,
      `${chunkOctets}-${2 * chunkOctets - 1}`,
      `${kept}-${2 * chunkOctets - 1}`,
      `${2 * chunkOctets}-${large.length - 1}`,
    ]);
    expect(digests()).toEqual([sha256(large)]);
  });
});

describe('The last chunk', () => {
  const count = (word: string) => world.drafts.log.filter((each) => each === word).length;

  it('is answered without a word of the attachment: the draft is asked, and has it', async () => {
    world.drafts.after = (word, number) => (word === 'PUT /upload/N' && number === 3 ? { status: 200 } : undefined);
    await world.send(files);
    expect(count('GET messages/N/attachments')).toBe(1);
    expect(digests()).toEqual([sha256(large)]);
  });

  it('has arrived, as the session says, but no attachment is there: nothing is sent', async () => {
    world.drafts.before = (word, number) => {
      if (word === 'PUT /upload/N' && number === 3) return 'cut';
      return word === 'GET /upload/N' ? expects(String(large.length)) : undefined;
    };
    await expect(world.send(files)).rejects.toMatchObject(gone);
    expect(count('GET messages/N/attachments')).toBe(1);
    expect(world.drafts).toMatchObject({ sent: [], drafts: new Map() });
  });
});

describe('Waits between tries', () => {
  it('that our own setting makes long end after two minutes, and do not end the upload', async () => {
    const slow = await jsonWorld({ retry: { ...retry, waitMs: 300_000 } });
    slow.drafts.before = (word, number) =>
      word === 'PUT /upload/N' && number <= 2 ? refusal(500, 'InternalServerError') : undefined;
    expect(await slow.send(files)).toMatchObject({ status: 202 });
    expect(waits).toEqual([120_000, 120_000]);
    await slow.close();
  });
});

describe('A file about as large as a session asks for', () => {
  it.each([sessionFromOctets, 3 * 1024 * 1024 - 200])(
    'of %i octets is posted where it is too small',
    async (length) => {
      world.drafts.sessionFromOctets = 3 * 1024 * 1024;
      const content = octets(length);
      await world.send(message(attachment('a', content)), { maxRequestBytes: 1000 });
      expect(world.drafts.log.slice(1)).toEqual([
        'POST messages/N/attachments/createUploadSession',
        'POST messages/N/attachments',
        'POST messages/N/send',
      ]);
      expect(digests()).toEqual([sha256(content)]);
    },
  );

  it('is refused where neither takes it', async () => {
    world.drafts.sessionFromOctets = 3 * 1024 * 1024;
    const files = message(attachment('a', octets(3 * 1024 * 1024 - 1)));
    await expect(world.send(files)).rejects.toMatchObject({ status: 413 });
    expect(world.drafts.drafts.size).toBe(0);
  });
});
