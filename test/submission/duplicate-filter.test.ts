import { describe, expect, test } from 'vitest';
import { editHeader } from '../../src/message/header/stream.ts';
import { DuplicateDrops, dropsOfMessage } from '../../src/submission/duplicate-drops.ts';
import { DuplicateFilter } from '../../src/submission/duplicate-filter.ts';
import { Fingerprint } from '../../src/submission/fingerprint.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { storedRecords } from '../support/records.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const windowMs = 60_000;

function filter({ folder = temporaryFolder(), clock = new FakeClock(), isShared = false } = {}) {
  const inVain = new Set<string>();
  const dropped: string[] = [];
  const drops = { note: async (id: string) => void dropped.push(id) };
  const records = storedRecords(folder);
  const wasInVain = async (id: string) => inVain.has(id);
  const duplicates = new DuplicateFilter({ records, clock, isShared, wasInVain, drops });
  return { filter: duplicates, folder, clock, inVain, dropped, records };
}

/** Takes a message in. @returns the id that it already has, if any */
async function accept(to: DuplicateFilter, fingerprint: string, id: string): Promise<string | undefined> {
  const claim = await to.claim(fingerprint, id, windowMs);
  if (claim.duplicateOf === undefined) claim.keep();
  // The next one waits until it is written.
  await settle();
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
    const { filter: duplicates, inVain, folder, clock } = filter();
    await accept(duplicates, 'f1', 'a');
    inVain.add('a');
    const again = ['b', 'c'].map((id) => accept(duplicates, 'f1', id));
    expect(await Promise.all(again)).toEqual([undefined, 'b']);
    expect(await accept(filter({ folder, clock }).filter, 'f1', 'd')).toBe('b');
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
    const { filter: before, folder, clock } = filter();
    await accept(before, 'f1', 'a');
    await before.claim('f2', 'under way', windowMs);
    const { filter: after } = filter({ folder, clock });
    expect(await accept(after, 'f1', 'b')).toBe('a');
    expect(await accept(after, 'f2', 'c')).toBeUndefined();
  });

  test('keeps nothing of what is over', async () => {
    const { filter: duplicates, clock, records } = filter();
    await accept(duplicates, 'f1', 'a');
    await clock.advance(windowMs);
    await records.purge(clock.now());
    expect([...(await records.list('duplicate', 0))]).toEqual([]);
  });

  test('takes a message where it cannot be noted that it is here', async () => {
    const { filter: duplicates, records } = filter();
    records.put = () => Promise.reject(new Error('full'));
    expect(await accept(duplicates, 'f1', 'a')).toBeUndefined();
    expect(await accept(duplicates, 'f1', 'b')).toBeUndefined();
  });

  test('takes none where it cannot be told what is here, and the next one once it can', async () => {
    const { filter: duplicates, records } = filter();
    const { get } = records;
    records.get = () => Promise.reject(new Error('gone'));
    await expect(accept(duplicates, 'f1', 'a')).rejects.toThrow('gone');
    records.get = get;
    expect(await accept(duplicates, 'f1', 'b')).toBeUndefined();
  });
});

describe('The filters of two instances', () => {
  function two() {
    const one = filter({ isShared: true });
    return { one, other: filter({ ...one, isShared: true }), clock: one.clock };
  }

  test('know what either has accepted', async () => {
    const { one, other } = two();
    expect(await accept(one.filter, 'f1', 'a')).toBeUndefined();
    expect(await accept(other.filter, 'f1', 'b')).toBe('a');
    expect(other.dropped).toEqual(['a']);
  });

  test('take a message once that comes to both at the same time', async () => {
    const { one, other, clock } = two();
    const claims = [one, other, one, other].map(({ filter: each }, n) => accept(each, 'f1', `m${n}`));
    const all = Promise.all(claims);
    await clock.advance(1000);
    const said = await all;
    expect(said.filter((each) => each === undefined)).toHaveLength(1);
    expect(new Set(said.filter((each) => each !== undefined))).toEqual(new Set([`m${said.indexOf(undefined)}`]));
  });

  test('wait while the other accepts it, however long, and take it where it is not accepted', async () => {
    const { one, other, clock } = two();
    const first = await one.filter.claim('f1', 'a', windowMs);
    let second: string | undefined = 'waits';
    const waiting = accept(other.filter, 'f1', 'b').then((said) => {
      second = said;
    });
    await clock.advance(120_000);
    expect(second).toBe('waits');
    if (first.duplicateOf === undefined) first.release();
    await clock.advance(1000);
    await waiting;
    expect(second).toBeUndefined();
    expect(await accept(one.filter, 'f1', 'c')).toBe('b');
  });

  test('do not wait for one that has died', async () => {
    const { one, other, clock } = two();
    await one.filter.claim('f1', 'a', windowMs);
    // Its claim is no longer renewed.
    one.records.put = () => Promise.reject(new Error('dead'));
    const waiting = accept(other.filter, 'f1', 'b');
    await clock.advance(20_500);
    expect(await waiting).toBeUndefined();
  });

  test('take a message again, once, whose first try reached nobody', async () => {
    const { one, other, clock } = two();
    await accept(one.filter, 'f1', 'a');
    for (const { inVain } of [one, other]) inVain.add('a');
    const again = Promise.all([one, other].map(({ filter: each }, n) => accept(each, 'f1', `m${n}`)));
    await clock.advance(1000);
    expect((await again).filter((said) => said === undefined)).toHaveLength(1);
  });
});

describe('The account of what was dropped', () => {
  const dayMs = 86_400_000;

  test('says of each message how many duplicates there were and when, over a restart too', async () => {
    const folder = temporaryFolder();
    const clock = new FakeClock();
    const start = clock.now();
    const before = new DuplicateDrops(storedRecords(folder), clock, dayMs);
    await before.note('a');
    await before.note('b');
    await clock.advance(5000);
    await before.note('a');
    const records = storedRecords(folder);
    await new DuplicateDrops(records, clock, dayMs).note('a');
    const drops = (id: string) => dropsOfMessage(records, id, clock.now());
    expect(await drops('a')).toEqual({ count: 3, firstAtMs: start, lastAtMs: start + 5000 });
    expect(await drops('b')).toEqual({ count: 1, firstAtMs: start, lastAtMs: start });
    expect(await drops('c')).toBeUndefined();
    await clock.advance(dayMs);
    expect(await drops('a')).toBeUndefined();
  });

  test('counts each of many that are dropped at the same time, by several instances', async () => {
    const folder = temporaryFolder();
    const clock = new FakeClock();
    const accounts = [1, 2].map(() => new DuplicateDrops(storedRecords(folder), clock, dayMs));
    await Promise.all([...accounts, ...accounts, ...accounts].map((each) => each.note('a')));
    expect(await dropsOfMessage(storedRecords(folder), 'a', clock.now())).toMatchObject({ count: 6 });
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
