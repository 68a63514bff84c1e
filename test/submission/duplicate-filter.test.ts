import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { editHeader } from '../../src/message/header/stream.ts';
import { DuplicateDrops, readDrops } from '../../src/submission/duplicate-drops.ts';
import { DuplicateFilter } from '../../src/submission/duplicate-filter.ts';
import { Fingerprint } from '../../src/submission/fingerprint.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const windowMs = 60_000;

function filter(file = join(temporaryFolder(), 'queue', 'duplicates'), clock = new FakeClock()) {
  const inVain = new Set<string>();
  const dropped: string[] = [];
  const drops = { note: (id: string) => dropped.push(id) };
  return { filter: new DuplicateFilter(file, clock, (id) => inVain.has(id), drops), file, clock, inVain, dropped };
}

/** Takes a message in. @returns the id it has already, if any */
async function accept(to: DuplicateFilter, fingerprint: string, id: string): Promise<string | undefined> {
  const claim = await to.claim(fingerprint, id, windowMs);
  if (claim.duplicateOf === undefined) claim.keep();
  return claim.duplicateOf;
}

describe('The filter', () => {
  test('knows a message that was accepted, for as long as the window is', async () => {
    const { filter: duplicates, clock, dropped } = filter();
    expect(await accept(duplicates, 'f1', 'a')).toBeUndefined();
    expect(await accept(duplicates, 'f1', 'b')).toBe('a');
    expect(await accept(duplicates, 'f2', 'c')).toBeUndefined();
    await clock.advance(windowMs);
    expect(await accept(duplicates, 'f1', 'd')).toBeUndefined();
    expect(dropped).toEqual(['a']);
  });

  test('does not drop what comes a day later by a clock that was set back by a day', async () => {
    const { filter: duplicates, clock } = filter();
    await accept(duplicates, 'f1', 'a');
    clock.set(-86_400_000);
    expect(await accept(duplicates, 'f1', 'b')).toBeUndefined();
    expect(await accept(duplicates, 'f1', 'c')).toBe('b');
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

describe('The account of what was dropped', () => {
  const drops = (file = join(temporaryFolder(), 'dropped'), clock = new FakeClock(), kept = (_id: string) => true) => ({
    drops: new DuplicateDrops(file, clock, kept),
    file,
    clock,
  });

  test('says of each message how many duplicates there were and when, over a restart too', async () => {
    const { drops: before, file, clock } = drops();
    const start = clock.now();
    before.note('a');
    before.note('b');
    await clock.advance(5000);
    before.note('a');
    drops(file, clock).drops.note('a');
    expect(Object.fromEntries(readDrops(file))).toEqual({
      a: { count: 3, firstAtMs: start, lastAtMs: start + 5000 },
      b: { count: 1, firstAtMs: start, lastAtMs: start },
    });
  });

  test('is empty at first, and passes over a line that was cut off', () => {
    const { drops: some, file } = drops();
    expect(readDrops(file).size).toBe(0);
    some.note('a');
    some.note('a');
    truncateSync(file, statSync(file).size - 3);
    expect(readDrops(file).get('a')).toMatchObject({ count: 1 });
  });

  test('does not grow without end, and forgets messages that are gone', () => {
    const { drops: many, file } = drops(undefined, undefined, (id) => id === 'impatient');
    for (let n = 0; n < 15_000; n += 1) many.note(n % 2 === 0 ? 'impatient' : `id${n}`);
    expect(readFileSync(file, 'latin1').split('\n').length).toBeLessThan(10_000);
    expect(readDrops(file).get('impatient')).toMatchObject({ count: 7500 });
    expect(readDrops(file).has('id1')).toBe(false);
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

  const message = 'Date: now\r\nMessage-ID: <1@x>\r\nSubject: Door 1 open\r\nX-Tag: a\r\n\r\nHello there.\r\n';

  test.each([1, 2, 7, 50])('is that of the content, whatever the pieces: %i', async (pieces) => {
    expect(await of(message, pieces)).toBe(await of(message, 3));
  });

  test('does not look at the order or the case of recipients', async () => {
    const one = await of(message, 1, ['a@x.example', 'b@x.example']);
    expect(await of(message, 2, ['B@x.example', 'a@X.example'])).toBe(one);
  });

  test.each<[string, string]>([
    ['another Date', message.replace('now', 'then')],
    ['no Date', message.replace('Date: now\r\n', '')],
    ['folded fields', message.replace('Door 1 open', '\r\n Door\r\n\t1  open ')],
    ['names in capitals', message.replace('Subject', 'SUBJECT').replace('X-Tag:', 'x-tag :')],
    ['fields in another order', message.replace(/(Subject.*\r\n)(X-Tag.*\r\n)/, '$2$1')],
    ['a line of mbox', `From scanner Mon Jan  5 10:00:00 2026\r\n${message}`],
    ...[
      ...['Received', 'Return-Path', 'Delivered-To', 'Authentication-Results', 'Received-SPF', 'DKIM-Signature'],
      ...['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results', 'Resent-Date'],
      ...['X-Received', 'X-Original-To', 'Envelope-To', 'Delivery-Date'],
    ].map((name): [string, string] => [name, `${name}: from a\r\n by b\r\n${message}`]),
  ])('is that of the first try for a second one with %s', async (_what, again) => {
    expect(await of(again, 1)).toBe(await of(message, 1));
  });

  test.each([
    ['body', message.replace('Hello', 'Hallo'), ['a@x.example'], 'scanner'],
    ['Message-ID', message.replace('<1@x>', '<2@x>'), ['a@x.example'], 'scanner'],
    ['recipient', message, ['b@x.example'], 'scanner'],
    ['account', message, ['a@x.example'], 'erp'],
    ['subject', message.replace('Door 1', 'Door 2'), ['a@x.example'], 'scanner'],
    ['field', message.replace('X-Tag: a', 'X-Tag: b'), ['a@x.example'], 'scanner'],
    ['name of a field', message.replace('X-Tag: a', 'X-Tags: a'), ['a@x.example'], 'scanner'],
    ['number of fields', message.replace('X-Tag: a', 'X-Tag: a\r\nX-Tag: a'), ['a@x.example'], 'scanner'],
    ['character in a field', message.replace('X-Tag: a', 'X-Tag: \u00e0'), ['a@x.example'], 'scanner'],
    ['type of content', message.replace('X-Tag: a', 'Content-Type: text/html'), ['a@x.example'], 'scanner'],
    ['recipient in To', message.replace('X-Tag: a', 'To: c@x.example'), ['a@x.example'], 'scanner'],
  ])('tells another %s', async (_what, content, recipients, account) => {
    expect(await of(content, 1, recipients, account)).not.toBe(await of(message, 1));
  });

  test('there is none without a Message-ID: two alarms with the same words are two', async () => {
    expect(await of('Subject: Disk full\r\n\r\nDisk full\r\n', 1)).toBeUndefined();
  });
});
