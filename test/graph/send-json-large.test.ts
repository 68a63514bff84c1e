import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FakeDrafts } from './fake-drafts.ts';
import { type FakeGraph, fakeGraph } from './fake-graph.ts';

const megabyte = 1024 * 1024;
const lineOctets = 57;

let server: FakeGraph;
let drafts: FakeDrafts;

beforeAll(async () => {
  drafts = new FakeDrafts();
  server = await fakeGraph(drafts.answer, undefined, false);
  drafts.origin = server.origin;
});

afterAll(() => server.close());

/** A file with this many octets, every line different. */
function* fileLines(octets: number, seed: number): Generator<Buffer> {
  for (let at = 0; at < octets; at += lineOctets) {
    const line = Buffer.alloc(Math.min(lineOctets, octets - at), seed);
    if (line.length >= 4) line.writeUInt32LE(at);
    yield line;
  }
}

interface Expected {
  readonly name: string;
  readonly octets: number;
  readonly sha256: string;
}

/** Writes a message with files of these sizes. */
async function writeMessage(file: string, sizes: readonly number[]): Promise<readonly Expected[]> {
  const expected: Expected[] = [];
  function* source(): Generator<string> {
    yield 'From: a@contoso.com\r\nSubject: Files\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nFiles.\r\n';
    for (const [index, octets] of sizes.entries()) {
      yield `--b\r\nContent-Type: a/b; name=f${index}\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
      const digest = createHash('sha256');
      let held = '';
      for (const line of fileLines(octets, index)) {
        digest.update(line);
        held += `${line.toString('base64')}\r\n`;
        if (held.length < 100_000) continue;
        yield held;
        held = '';
      }
      yield held;
      expected.push({ name: `f${index}`, octets, sha256: digest.digest('hex') });
    }
    yield '--b--\r\n';
  }
  await pipeline(Readable.from(source()), createWriteStream(file));
  return expected;
}

async function send(folder: string, sizes: readonly number[]) {
  const file = join(folder, 'message');
  const expected = await writeMessage(file, sizes);
  writeFileSync(join(folder, 'ca.pem'), server.ca);
  drafts.sent.length = 0;
  const program = join(import.meta.dirname, 'send-json-sender.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [
    program,
    server.origin,
    join(folder, 'ca.pem'),
    file,
  ]);
  const { maxMegabytes } = JSON.parse(stdout) as { maxMegabytes: number };
  const arrived = drafts.sent[0]!.attachments.map(({ name, octets, sha256 }) => ({ name, octets, sha256 }));
  const byName = (one: Expected, other: Expected) => one.name.localeCompare(other.name);
  expect(arrived.toSorted(byName)).toEqual(expected.toSorted(byName));
  return { maxMegabytes, size: (await stat(file)).size };
}

it('150 MB go in the memory of a few chunks, and every octet arrives', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  const small = await send(folder, [1000]);
  const sizes = [
    60 * megabyte,
    20 * megabyte + 1,
    ...Array<number>(4).fill(4 * megabyte),
    ...Array<number>(94).fill(120_000),
  ];
  const large = await send(folder, sizes);
  expect(large.size).toBeGreaterThan(145 * megabyte);
  expect(large.maxMegabytes - small.maxMegabytes).toBeLessThan(120);
});
