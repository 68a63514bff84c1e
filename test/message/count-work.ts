/**
 * Counts how often V8 runs the blocks of our own code while each of the functions below reads a repetitive input, of
 * one length and of four times that. Unlike milliseconds, steps do not depend on the machine or its load.
 */
import { Session } from 'node:inspector/promises';
import { parseAddressList } from '../../src/message/address/address.ts';
import { assertAddressBounds } from '../../src/message/address/bounds.ts';
import { withSoundAddressFields } from '../../src/message/address/fields.ts';
import { KnownAddresses } from '../../src/message/address/known.ts';
import { repairedAddresses } from '../../src/message/address/repaired.ts';
import { writtenAddresses } from '../../src/message/address/written.ts';
import { HeaderBlock } from '../../src/message/header/fields.ts';
import { repairHeader } from '../../src/message/header/repair.ts';
import { senderEdit } from '../../src/message/header/sender-fields.ts';
import { withSingleFields } from '../../src/message/header/single-fields.ts';
import { decodedWords, encodedWords, quotedPrintable } from '../../src/message/mime/encodings.ts';
import { parseParameterized } from '../../src/message/mime/parameters.ts';
import { MimeScanner } from '../../src/message/mime/scanner.ts';

const known = new KnownAddresses(['root@contoso.com'], 'contoso.com');
const around = { recipients: known, senders: known };
const header = (text: string) => HeaderBlock.parse(Buffer.from(text), { maxHeaderBytes: 1e9 });

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  parseAddressList,
  repairedAddresses: (text) => writtenAddresses(repairedAddresses(text, known).addresses),
  withSoundAddressFields: (text) => withSoundAddressFields(header(`To: ${text}\r\n\r\n`), around),
  assertAddressBounds: (text) => {
    try {
      assertAddressBounds(header(`To: ${text}\r\n\r\n`));
    } catch {
      // It contains more than is read.
    }
  },
  senderEdit: (text) => senderEdit(header(`From: ${text}\r\nSender: ${text}\r\n\r\n`), 'a@contoso.com'),
  joinedFields: (text) => withSingleFields(header(`To: ${text}\r\nTo: ${text}\r\n\r\n`)),
  manyFields: (text) =>
    senderEdit(
      withSingleFields(
        header(
          `From: ${text.slice(0, 8)}
To: x
`.repeat(text.length / 8),
        ),
      ),
      'a@b.c',
    ),
  HeaderBlock: (text) => header(`${text}\r\n${text}`).get('To'),
  repairHeader: (text) =>
    repairHeader(header(`Date: ${text}\r\nMessage-ID: ${text}\r\n\r\n`), { date: new Date(0), domain: 'contoso.com' }),
  decodedWords,
  encodedWords,
  quotedPrintable: (text) => quotedPrintable(Buffer.from(text)),
  parseParameterized: (text) => parseParameterized(`text/plain; ${text}`),
  MimeScanner: (text) => scanned(`Content-Type: multipart/mixed; boundary="--"\r\n\r\n${text}`),
  MimeHeader: (text) => scanned(`Content-Type: multipart/mixed; ${text}\r\n\r\n--b\r\n${text}\r\n\r\n`),
};

function scanned(text: string): void {
  const scanner = new MimeScanner({ maxParts: 1e6, maxDepth: 50, maxHeaderBytes: 1e9 });
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += 1000) scanner.push(octets.subarray(at, at + 1000));
  scanner.end();
}

const pieces = [
  ...[
    'a',
    'a,',
    'a@b ',
    'a@b c,',
    'A B <a@b.c>, ',
    '"a" <a@b>, ',
    'a, b <a@b>, ',
    '<a@b>',
    '<@a,',
    'root,',
    'g:a@b;',
    '(a@b),',
  ],
  ...['(', '((a)', '"\\', '[', '<', '@', ':', '.', '=?', '=?a?q?b c', '=?utf-8?Q?a=40b?= ', '\r\n ', '\u{1f600}'],
  ...[';a*0=b', ';a*1*=%41', '\r\n--', '\r\n----\r\n', '----\r\nTo: x\r\n\r\n', 'To: a@b\r\n'],
];

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

async function steps(read: (text: string) => unknown, text: string): Promise<number> {
  await session.post('Profiler.takePreciseCoverage');
  read(text);
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const ours = result.filter(({ url }) => url.includes('/src/message/'));
  return ours
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}

const found: { name: string; piece: string; once: number; fourfold: number }[] = [];
for (const [name, read] of Object.entries(readers)) {
  for (const piece of pieces) {
    // Decoded, too, it is longer than what the parser of addresses remembers.
    const count = Math.ceil(400 / piece.length);
    // What only a first call does, and what is compiled meanwhile, must not count.
    read(piece.repeat(count));
    const once = await steps(read, piece.repeat(count));
    const fourfold = await steps(read, piece.repeat(4 * count));
    found.push({ name, piece, once, fourfold });
  }
}
process.stdout.write(JSON.stringify(found));
