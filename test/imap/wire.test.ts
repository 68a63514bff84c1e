import { duplexPair, PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { LineReader } from '../../src/base/sockets/line-reader.ts';
import { serveImap } from '../../src/imap/serve.ts';
import { formatDateTime, formatMailbox, formatString, parseDate, parseDateTime } from '../../src/imap/wire/format.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../../src/imap/wire/modified-utf7.ts';
import { Scanner } from '../../src/imap/wire/scanner.ts';
import {
  formatGaps,
  formatSequenceSet,
  parseSequenceSet,
  selectNumbers,
  selectUpTo,
} from '../../src/imap/wire/sequence-set.ts';
import { MailboxDirectory } from '../../src/simulator/mailboxes/mailbox-directory.ts';

describe('octets off a socket', () => {
  it('are lines and counted octets, however they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 12 }), { minLength: 1 }), async (cuts) => {
        const whole = Buffer.from('first\r\nsecond\n\r\nabc\r\ndeflast');
        const stream = new PassThrough();
        const reader = new LineReader(stream, 1_000);
        const fed = (async () => {
          let at = 0;
          for (const cut of cuts) {
            stream.write(whole.subarray(at, at + cut));
            at += cut;
            await new Promise((resolve) => setImmediate(resolve));
          }
          stream.write(whole.subarray(at));
        })();
        expect((await reader.line(100)).toString()).toBe('first');
        expect((await reader.line(100)).toString()).toBe('second');
        expect((await reader.line(100)).toString()).toBe('');
        expect((await reader.octets(6)).toString()).toBe('abc\r\nd');
        await fed;
        const rest = [reader.detach()];
        for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) rest.push(chunk as Buffer);
        expect(Buffer.concat(rest).toString()).toBe('eflast');
      }),
      { numRuns: 50 },
    );
  });

  it('of a line that is too long are an error, with or without its end', async () => {
    const stream = new PassThrough();
    const reader = new LineReader(stream, 1_000);
    stream.write('123456\r\n');
    await expect(reader.line(5)).rejects.toThrow('more than 5');
    stream.write('1234567890');
    await expect(reader.line(5)).rejects.toThrow('more than 5');
  });

  it('are put together from octets that come one by one', async () => {
    const stream = new PassThrough();
    const reader = new LineReader(stream, 10_000);
    const text = 'abcdefghij'.repeat(100);
    const line = reader.line(2_000);
    for (const octet of `${text}\r\n`) {
      stream.write(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await line).toString()).toBe(text);
    const counted = reader.octets(text.length);
    for (const octet of text) {
      stream.write(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await counted).toString()).toBe(text);
  });

  it('leave the end to be noticed while nobody reads', async () => {
    const stream = new PassThrough();
    const reader = new LineReader(stream, 10_000);
    const ended = new Promise<void>((resolve) => {
      reader.onEnd = resolve;
    });
    stream.end('one\r\ntwo\r\n');
    await ended;
    expect((await reader.line(10)).toString()).toBe('one');
    expect((await reader.line(10)).toString()).toBe('two');
    await expect(reader.line(10)).rejects.toThrow('ended');
  });

  it('that do not come in time are an error, as is the end', async () => {
    const stream = new PassThrough();
    const reader = new LineReader(stream, 5);
    await expect(reader.line(5)).rejects.toThrow('in time');
    stream.end('abc');
    await expect(reader.line(5)).rejects.toThrow('ended');
  });
});

describe('sets of numbers', () => {
  const choose = (text: string, numbers: number[]) => selectNumbers(parseSequenceSet(text), numbers);

  it('name messages once and in order', () => {
    expect(choose('7,2:4,3', [1, 2, 3, 7, 9])).toEqual([2, 3, 7]);
    expect(choose('*', [1, 5])).toEqual([5]);
    expect(choose('9:*', [1, 5])).toEqual([5]);
    expect(choose('*:4', [1, 5])).toEqual([5]);
    expect(choose('1:*', [])).toEqual([]);
    expect(selectUpTo(parseSequenceSet('2:*,1'), 3)).toEqual([1, 2, 3]);
    expect(selectUpTo(parseSequenceSet('1:4294967295'), 2)).toEqual([1, 2]);
  });

  it('that are none are refused', () => {
    for (const text of ['', '0', '1,', '1:', ':2', '1:2:3', 'a', '4294967296', '-1']) {
      expect(() => parseSequenceSet(text)).toThrow();
    }
  });

  it('are written so that they read the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (numbers) => {
        const ascending = [...numbers].sort((a, b) => a - b);
        expect(choose(formatSequenceSet(ascending), ascending)).toEqual(ascending);
      }),
    );
  });
});

describe('gaps between numbers', () => {
  it('are told as ranges, however many numbers they stand for', () => {
    expect(formatGaps([2, 5, 6], parseSequenceSet('1:*'), 9)).toBe('1,3:4,7:9');
    expect(formatGaps([2, 5, 6], parseSequenceSet('2:3,5,9:20'), 9)).toBe('3,9');
    expect(formatGaps([], parseSequenceSet('1:*'), 4_000_000_000)).toBe('1:4000000000');
    expect(formatGaps([], parseSequenceSet('1:*'), 0)).toBe('');
    expect(formatGaps([1, 2], parseSequenceSet('1:*'), 2)).toBe('');
  });

  it('and the numbers themselves are together all there are', () => {
    const numbersTo40 = fc.uniqueArray(fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(numbersTo40, numbersTo40, (there, asked) => {
        const numbers = there.toSorted((a, b) => a - b);
        if (asked.length === 0) return;
        const gaps = formatGaps(numbers, parseSequenceSet(asked.join(',')), 30);
        const expected = asked.filter((number) => number <= 30 && !there.includes(number)).toSorted((a, b) => a - b);
        expect(gaps === '' ? [] : selectUpTo(parseSequenceSet(gaps), 30)).toEqual(expected);
      }),
    );
  });
});

describe('names and texts', () => {
  it('of folders survive the wire', () => {
    expect(encodeModifiedUtf7('Entwürfe & 日本')).toBe('Entw&APw-rfe &- &ZeVnLA-');
    expect(decodeModifiedUtf7('a&b')).toBe('a&b');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        expect(decodeModifiedUtf7(encodeModifiedUtf7(name))).toBe(name);
      }),
    );
  });

  it('are written so that they read the same', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (text) => {
          const [head = '', tail] = formatString(text)
            .split('\r\n', 1)
            .concat(formatString(text).split('\r\n').slice(1).join('\r\n'));
          const parts = head.startsWith('{') ? ['', Buffer.from(tail ?? '', 'latin1'), ''] : [formatString(text)];
          expect(new Scanner(parts).string()).toBe(text);
        },
      ),
    );
    expect(formatMailbox('Sent Items')).toBe('"Sent Items"');
  });

  it('of dates are dates or nothing', () => {
    expect(parseDateTime(' 1-Feb-2026 03:04:05 -0130')).toEqual(new Date('2026-02-01T04:34:05Z'));
    expect(parseDateTime('31-Feb-2026 03:04:05 +0000')).toBeUndefined();
    expect(parseDateTime('1-Foo-2026 03:04:05 +0000')).toBeUndefined();
    expect(parseDate('31-Apr-2026')).toBeUndefined();
    expect(formatDateTime(new Date('2026-02-01T04:34:05Z'))).toBe('" 1-Feb-2026 04:34:05 +0000"');
  });
});

describe('whatever a client sends', () => {
  const word = fc.constantFrom(
    'a1',
    'LOGIN',
    'AUTHENTICATE',
    'PLAIN',
    'FETCH',
    'UID',
    'SEARCH',
    'STORE',
    'APPEND',
    'INBOX',
    'SELECT',
    'LIST',
    '""',
    '*',
    '1:*',
    '(',
    ')',
    '"',
    '{3}',
    '{3+}',
    '{99999999999}',
    'BODY[',
    ']',
    '<0.1>',
    'HEADER.FIELDS',
    '\\Seen',
    '=',
    '+FLAGS',
    'OR',
    'NOT',
    'ID',
    'NIL',
    ...['SORT', 'THREAD', 'REFERENCES', 'UTF-8', 'ALL', 'RETURN', 'SAVE', '$', 'ENABLE', 'QRESYNC', 'UTF8=ACCEPT'],
    ...['IMAP4rev2', 'COMPRESS', 'DEFLATE', 'CHANGEDSINCE', 'UNCHANGEDSINCE', 'VANISHED', 'BINARY[', '~{3+}', 'STATUS'],
    ...['MODSEQ', 'SUBJECT', 'SPECIAL-USE', 'CREATE', 'USE', 'UTF8'],
    '\0',
    '\xff',
    '\r\n',
    '\n',
    ' ',
    '  ',
    'IDLE',
    'DONE',
    'a LOGIN a b\r\n',
    's SELECT INBOX\r\n',
  );

  it('the server answers or ends the connection, and does not fall over', async () => {
    const directory = new MailboxDirectory(['a@b.c']);
    directory.deliver('a@b.c', 'INBOX', Buffer.from('Subject: x\r\n\r\ny\r\n'));
    const defects: unknown[] = [];
    const log = Object.assign(Object.create(silentLog) as typeof silentLog, {
      error: (fields: unknown) => defects.push(fields),
    });
    const session = {
      capabilities: () => ['IMAP4rev1'],
      mechanisms: () => ['PLAIN', 'LOGIN'] as const,
      identify: () => undefined,
      authenticate: async () => ({ kind: 'store', store: directory.openStore('a@b.c') }) as const,
      closed: () => {},
    };
    const limits = { loginTimeoutMs: 5_000, idleTimeoutMs: 5_000, maxCommandBytes: 500, maxFailedLogins: 3 };
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 40 }), async (words) => {
        const [client, server] = duplexPair();
        client.resume();
        client.end(Buffer.from(words.join(' '), 'latin1'));
        await serveImap(server, { greeting: 'ready', secure: true, session, limits, log });
        expect(defects).toEqual([]);
        client.destroy();
        server.destroy();
      }),
      { numRuns: 500 },
    );
  });
});
