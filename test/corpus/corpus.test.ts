import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { parseAddressList } from '../../src/message/address/address.ts';
import { deliveryStatusMessage } from '../../src/message/report/delivery-status.ts';
import { editHeader } from '../../src/message/header/stream.ts';
import { HeaderBlock } from '../../src/message/header/fields.ts';
import { CrlfChecker, LineEndError } from '../../src/message/line-ends.ts';
import { repairHeader } from '../../src/message/header/repair.ts';
import { corpus, refused } from '../support/corpus.ts';
import { generatedFiles } from './generate.ts';

const messages = corpus();

function fault(content: Buffer): string | undefined {
  const checker = new CrlfChecker();
  try {
    checker.push(content);
    checker.end();
    return undefined;
  } catch (error) {
    return error instanceof LineEndError ? error.kind : String(error);
  }
}

describe('the corpus', () => {
  it('holds at least 44 messages under different names', () => {
    expect(new Set(messages.map(({ name }) => name)).size).toBe(messages.length);
    expect(messages.length).toBeGreaterThanOrEqual(44);
    expect(new Set(messages.map(({ content }) => content.toString('base64'))).size).toBe(messages.length);
  });

  it('is what the generator writes, file for file', () => {
    const folders = ['generated', 'refused'].flatMap((folder) =>
      readdirSync(join(import.meta.dirname, folder)).map((name) => `${folder}/${name}`),
    );
    const files = generatedFiles();
    expect([...files.keys()].sort()).toEqual(folders.sort());
    for (const [path, content] of files) {
      expect(readFileSync(join(import.meta.dirname, path)).equals(content), path).toBe(true);
    }
  });

  it('is the same in every run of the generator', () => {
    const again = generatedFiles();
    for (const [path, content] of generatedFiles()) expect(again.get(path)?.equals(content), path).toBe(true);
  });

  it.each(messages)('$name: lines end with CRLF, the last one too, and no octet is NUL', ({ content }) => {
    expect(fault(content)).toBeUndefined();
    expect(content.subarray(-2).toString()).toBe('\r\n');
    expect(content.includes(0)).toBe(false);
  });

  it('covers what transports trip up over', () => {
    const all = messages.map(({ content }) => content.toString('latin1'));
    const some = (pattern: RegExp) => all.filter((text) => pattern.test(text)).length;
    expect(some(/\r\n\.\r\n/)).toBeGreaterThanOrEqual(8);
    expect(some(/\r\n\.\r\n$/)).toBeGreaterThanOrEqual(2);
    expect(some(/\r\n\r\n\.\r\n/)).toBeGreaterThanOrEqual(3);
    expect(some(/[\x80-\xff]/)).toBeGreaterThanOrEqual(15);
    expect(some(/(?<=\r\n)[^\r]{998}\r\n/)).toBeGreaterThanOrEqual(1);
    expect(some(/[^\r\n]{5000}/)).toBeGreaterThanOrEqual(1);
    expect(some(/[ \t]\r\n$/)).toBeGreaterThanOrEqual(1);
    expect(some(/^[^]*?\r\n\r\n/)).toBe(messages.length - 1);
    expect(messages.filter(({ content }) => content.length > 1_400_000)).toHaveLength(1);
  });

  it.each(messages)('$name: if it has a From, then reports@contoso.com and no other', ({ content }) => {
    for (const value of HeaderBlock.parse(content).getAll('From')) {
      const { addresses, problems } = parseAddressList(value);
      expect(addresses.map(({ address }) => address.toLowerCase())).toEqual(['reports@contoso.com']);
      expect(problems).toEqual([]);
    }
  });

  it.each(messages)('$name: passes the header rewriter as it came, in chunks of any size', async ({ content }) => {
    for (const size of [17, 4096, content.length]) {
      if (content.length / size > 100_000) continue;
      const chunks = Array.from({ length: Math.ceil(content.length / size) }, (_, i) => content.subarray(i * size, (i + 1) * size));
      const passed = await buffer(editHeader(Readable.from(chunks), () => undefined));
      expect(passed.equals(content)).toBe(true);
    }
  });

  it.each(messages)('$name: mending adds fields and touches nothing else', ({ name, content }) => {
    const header = HeaderBlock.parse(content);
    const mended = repairHeader(header, { date: new Date(0), domain: 'contoso.com', from: 'reports@contoso.com' });
    const expected = header.fields.map(({ raw }) => raw.toString('latin1'));
    const after = HeaderBlock.parse(mended ?? header.raw);
    expect(after.fields.slice(0, expected.length).map(({ raw }) => raw.toString('latin1'))).toEqual(expected);
    expect(after.hasEmptyLine).toBe(true);
    for (const field of ['From', 'Date', 'Message-ID']) expect(after.getAll(field), field).toHaveLength(1);
    if (name !== 'body-headers-only') expect(header.hasEmptyLine).toBe(true);
  });

  it.each(messages)('$name: is read by postal-mime, and so is the report of its failure', async ({ content }) => {
    await PostalMime.parse(content);
    const report = deliveryStatusMessage({
      reportingMta: 'bridge.local',
      from: 'mailer-daemon@contoso.com',
      to: 'reports@contoso.com',
      arrivalDate: new Date(0),
      originalHeaders: content,
      recipients: [{ address: 'alex@contoso.com', action: 'failed', status: '5.1.1', diagnostic: 'smtp; 550 no' }],
    });
    const email = await PostalMime.parse(report);
    expect(email.subject).toMatch(/^Undeliverable: /);
    expect(fault(report)).toBeUndefined();
  });
});

describe('the refused messages', () => {
  it('show every fault', () => {
    const faults = refused().map((message) => message.fault);
    for (const kind of ['bare-lf', 'bare-cr'] as const) {
      expect(faults.filter((one) => one === kind).length).toBeGreaterThanOrEqual(5);
    }
    expect(faults).toContain('nul');
  });

  it.each(refused())('$name is found out', ({ fault: expected, content }) => {
    if (expected === 'nul') {
      expect(content.includes(0)).toBe(true);
      expect(fault(content)).toBeUndefined();
    } else expect(fault(content)).toBe(expected);
  });
});

const reader = `
import sys, json, email, email.policy
out = []
for path in sys.argv[1:]:
    m = email.message_from_bytes(open(path, 'rb').read(), policy=email.policy.SMTP)
    try:
        out.append([a.addr_spec for f in ('To', 'Cc') for h in m.get_all(f, []) for a in h.addresses])
    except Exception as e:
        out.append(str(e))
print(json.dumps(out))`;
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('python3 is not here: the address fields of the corpus are not read by its email package.');

describe.skipIf(!hasPython)('To and Cc of the corpus', () => {
  it('hold the addresses that the email package of Python finds', () => {
    const files = ['generated', 'handwritten']
      .flatMap((folder) => readdirSync(join(import.meta.dirname, folder)).map((name) => `${folder}/${name}`))
      // It does not support blanks between a field name and its colon.
      .filter((path) => !path.endsWith('/header-obsolete-syntax.eml'));
    const paths = files.map((path) => join(import.meta.dirname, path));
    const { stdout, stderr } = spawnSync('python3', ['-c', reader, ...paths], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const byPython = JSON.parse(stdout) as string[][];
    for (const [index, path] of paths.entries()) {
      const header = HeaderBlock.parse(readFileSync(path));
      const ours = ['To', 'Cc'].flatMap((name) => header.getAll(name)).flatMap((value) => parseAddressList(value).addresses);
      expect(ours.map(({ address }) => address), files[index]).toEqual(byPython[index]);
    }
  });
});
