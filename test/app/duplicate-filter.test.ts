import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DuplicateFilter } from '../../src/app/duplicate-filter.ts';
import { Fingerprint } from '../../src/app/fingerprint.ts';
import { editHeader } from '../../src/message/header-stream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const windowMs = 60_000;

function filter(file = join(temporaryFolder(), 'queue', 'duplicates'), clock = new FakeClock()) {
  const inVain = new Set<string>();
  return { filter: new DuplicateFilter(file, clock, (id) => inVain.has(id)), file, clock, inVain };
}

/** Takes a message in. @returns the id it has already, if any */
async function accept(to: DuplicateFilter, fingerprint: string, id: string): Promise<string | undefined> {
  const claim = await to.claim(fingerprint, id, windowMs);
  if (claim.duplicateOf === undefined) claim.keep();
  return claim.duplicateOf;
}

describe('The filter', () => {
  test('knows a message that was accepted, for as long as the window is', async () => {
    const { filter: duplicates, clock } = filter();
    expect(await accept(duplicates, 'f1', 'a')).toBeUndefined();
    expect(await accept(duplicates, 'f1', 'b')).toBe('a');
    expect(await accept(duplicates, 'f2', 'c')).toBeUndefined();
    await clock.advance(windowMs);
    expect(await accept(duplicates, 'f1', 'd')).toBeUndefined();
  });

  test('forgets one that was not accepted after all', async () => {
    const { filter: duplicates } = filter();
    const claim = await duplicates.claim('f1', 'a', windowMs);
    if (claim.duplicateOf === undefined) claim.release();
    expect(await accept(duplicates, 'f1', 'b')).toBeUndefined();
  });

  test('takes a message again whose first try reached nobody, and that once', async () => {
    const { filter: duplicates, inVain, file, clock } = filter();
    await accept(duplicates, 'f1', 'a');
    inVain.add('a');
    const again = ['b', 'c'].map((id) => accept(duplicates, 'f1', id));
    expect(await Promise.all(again)).toEqual([undefined, 'b']);
    expect(await accept(filter(file, clock).filter, 'f1', 'd')).toBe('b');
  });

  test('has the second wait until the first is accepted, and takes it where it is not', async () => {
    const { filter: duplicates } = filter();
    const first = await duplicates.claim('f1', 'a', windowMs);
    const second = accept(duplicates, 'f1', 'b');
    const third = accept(duplicates, 'f1', 'c');
    if (first.duplicateOf === undefined) first.release();
    expect(await second).toBeUndefined();
    expect(await third).toBe('b');
  });

  test('knows after a restart what was accepted before, and that alone', async () => {
    const { filter: before, file, clock } = filter();
    await accept(before, 'f1', 'a');
    await before.claim('f2', 'under way', windowMs);
    const { filter: after } = filter(file, clock);
    expect(await accept(after, 'f1', 'b')).toBe('a');
    expect(await accept(after, 'f2', 'c')).toBeUndefined();
  });

  test('does not let its file grow without end', async () => {
    const { filter: duplicates, file, clock } = filter();
    for (let n = 0; n < 25_000; n += 1) {
      if (n % 5000 === 0) await clock.advance(windowMs);
      await accept(duplicates, `f${n}`, `id${n}`);
    }
    expect(readFileSync(file, 'latin1').split('\n').length).toBeLessThan(16_000);
    expect(await accept(duplicates, 'f24999', 'x')).toBe('id24999');
  });
});

describe('A fingerprint', () => {
  const envelope = (...recipients: string[]) => ({
    reversePath: 'scanner@contoso.com',
    recipients: recipients.map((address) => ({ address })),
    eightBit: false,
    smtpUtf8: false,
  });

  async function of(content: string, pieces: number, recipients = ['a@x.example'], account = 'scanner') {
    const fingerprint = new Fingerprint();
    const octets = Buffer.from(content);
    const step = Math.ceil(octets.length / pieces);
    async function* chunks() {
      for (let at = 0; at < octets.length; at += step) yield octets.subarray(at, at + step);
    }
    const seen: Buffer[] = [];
    const edited = editHeader(fingerprint.watch(chunks()), (header) => {
      fingerprint.header(header);
      return undefined;
    });
    for await (const chunk of edited) seen.push(chunk);
    expect(Buffer.concat(seen).toString()).toBe(content);
    return fingerprint.value(account, envelope(...recipients));
  }

  const message = 'Date: now\r\nMessage-ID: <1@x>\r\n\r\nHello there.\r\n';

  test.each([1, 2, 7, 50])('is that of the content, whatever the pieces: %i', async (pieces) => {
    expect(await of(message, pieces)).toBe(await of(message, 3));
  });

  test('does not look at the header, the order or the case of recipients', async () => {
    const one = await of(message, 1, ['a@x.example', 'b@x.example']);
    expect(await of(message.replace('now', 'then'), 2, ['B@x.example', 'a@X.example'])).toBe(one);
  });

  test.each([
    ['body', message.replace('Hello', 'Hallo'), ['a@x.example'], 'scanner'],
    ['Message-ID', message.replace('<1@x>', '<2@x>'), ['a@x.example'], 'scanner'],
    ['recipient', message, ['b@x.example'], 'scanner'],
    ['account', message, ['a@x.example'], 'erp'],
  ])('tells another %s', async (_what, content, recipients, account) => {
    expect(await of(content, 1, recipients, account)).not.toBe(await of(message, 1));
  });

  test('there is none without a Message-ID: two alarms with the same words are two', async () => {
    expect(await of('Subject: Disk full\r\n\r\nDisk full\r\n', 1)).toBeUndefined();
  });
});
