import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import {
  fieldsToRepair,
  formatDate,
  makeMessageId,
  receivedField,
  repairHeader,
} from '../../../src/message/header/repair.ts';

const date = new Date('2026-01-05T07:08:09Z');

function header(text: string): HeaderBlock {
  return HeaderBlock.parse(Buffer.from(text));
}

describe('repairHeader', () => {
  const options = { date, domain: 'contoso.com', from: 'scanner@contoso.com', messageId: '<1@contoso.com>' };
  const whole = 'Date: Mon, 5 Jan 26 10:15 CET\r\nMessage-ID: <y>\r\nFrom: a@b\r\n\r\n';

  it.each([
    ['', ['Date', 'Message-ID', 'From']],
    ['date: 05-Jan-2026 10:15\r\nFROM: a@b\r\n\r\n', ['Message-ID']],
    ['Date:\r\nMessage-Id: \r\nFrom: a@b\r\n\r\n', ['Date', 'Message-ID']],
    [whole, []],
  ])('in %j it mends %j', (text, expected) => {
    expect(fieldsToRepair(header(text))).toEqual(expected);
  });

  it.each([
    'Mon, 05 Jan 2026 07:08:09 +0000',
    'Mon,5 jan 2026 7:08',
    'Mon., 5-Jan-26 07:08:60 CET',
    'Monday , 5 January 2026 23:59:59 EST',
    '(now) 31 Dec 1999 00:00:00.000 +0100',
  ])('takes the date %s as it is', (value) => {
    expect(fieldsToRepair(header(`Date: ${value}\r\n\r\n`))).not.toContain('Date');
  });

  it.each([
    ['5 Foo 2026 10:00', undefined],
    ['5 Jan 2026 99:99', undefined],
    ['5 Jan 2026 24:00', undefined],
    ['32 Jan 2026 10:00', undefined],
    ['0 Jan 2026 10:00', undefined],
    ['5 Jan 2026 10:00:61', undefined],
    ['Mon Jan  5 07:08:09 2026 x', undefined],
    ['Mon Jan 35 07:08:09 2026', undefined],
    ['Mon Jan  5 99:99:99 2026', undefined],
    ['Mon Jan  5 10:00:00 XYZ 2026', undefined],
    // India, Israel or Ireland.
    ['Mon Jan  5 10:00:00 IST 2026', undefined],
    ['Mon Jan  5 10:00:00 CET 2026', 'Mon, 05 Jan 2026 09:00:00 +0000'],
    ['Sun Jul  5 10:00:00 CEST 2026', 'Sun, 05 Jul 2026 08:00:00 +0000'],
    ['Sun Jul  5 10:00:00 2026 cest', 'Sun, 05 Jul 2026 08:00:00 +0000'],
    ['Sun Jul  5 10:00:00 2026 +0200', 'Sun, 05 Jul 2026 08:00:00 +0000'],
    ['Mon Jan  5 10:00:00 AM JST 2026', 'Mon, 05 Jan 2026 01:00:00 +0000'],
    ['Mon Jan  5 10:00:00 ACDT 2026', 'Sun, 04 Jan 2026 23:30:00 +0000'],
    ['Mon Jan  5 12:30 AM HST 2026', 'Mon, 05 Jan 2026 10:30:00 +0000'],
    ['Mon Jan  5 10:00:00 Z 2026', 'Mon, 05 Jan 2026 10:00:00 +0000'],
    ['2026-01-05 10:00:00+0100', 'Mon, 05 Jan 2026 09:00:00 +0000'],
    ['Mon Jan  5 10:00:00 GMT 2026', 'Mon, 05 Jan 2026 10:00:00 +0000'],
    ['Mon Jan 05 10:00 EST 2026', 'Mon, 05 Jan 2026 15:00:00 +0000'],
    ['Mon Jan  5 10:00:00 PM UTC 2026', 'Mon, 05 Jan 2026 22:00:00 +0000'],
    ['jan 5 10:00:00 +0530 2026', 'Mon, 05 Jan 2026 04:30:00 +0000'],
    ['Mon Jan  5 10:00:00 2026', formatDate(new Date(2026, 0, 5, 10))],
    ['2026-01-05T10:00', formatDate(new Date(2026, 0, 5, 10))],
  ])('a date like %s is written anew', (value, expected) => {
    const mended = repairHeader(header(`Date: ${value}\r\nMessage-ID: <y>\r\nFrom: a@b\r\n\r\n`), options);
    expect(mended && HeaderBlock.parse(mended).getAll('Date')).toEqual([expected ?? formatDate(date)]);
  });

  // In quadratic time, these would take longer than a test may.
  it.each(['Mon #x', 'Mon,#x', 'Mon #,#x', '5#x', '5 Jan#x', 'Mon Jan#5#x', '(#', '<#', 'x@#@ y', '#@ x'])(
    'a Date and a Message-ID of %j are no burden however long the gaps',
    (pattern) => {
      for (const filling of [' ', '-', '(', '@', 'a']) {
        const value = pattern.replaceAll('#', filling.repeat(200_000));
        const fields = fieldsToRepair(header(`Date: ${value}\r\nMessage-ID: ${value}\r\n\r\n`));
        expect(fields).toContain('Date');
      }
    },
  );

  it('adds what is missing behind what is there', () => {
    expect(repairHeader(header('Subject: x\r\n\r\nbody'), options)?.toString()).toBe(
      'Subject: x\r\nDate: Mon, 05 Jan 2026 07:08:09 +0000\r\nMessage-ID: <1@contoso.com>\r\nFrom: scanner@contoso.com\r\n\r\n',
    );
  });

  it('replaces an empty field, and gives a body without header one', () => {
    expect(repairHeader(header('Date: \r\nMessage-ID: <y>\r\nFrom: a@b\r\n\r\n'), options)?.toString()).toBe(
      'Message-ID: <y>\r\nFrom: a@b\r\nDate: Mon, 05 Jan 2026 07:08:09 +0000\r\n\r\n',
    );
    expect(repairHeader(header('just text\r\n'), options)?.toString()).toMatch(/^Date: .*\r\n\r\n$/s);
  });

  it('leaves a whole header alone, unless there is something to put before it', () => {
    expect(repairHeader(header(whole), options)).toBeUndefined();
    expect(repairHeader(header(whole), { ...options, prefix: 'P: 1\r\n' })?.toString()).toBe(`P: 1\r\n${whole}`);
  });

  it('supplies a missing empty line and removes an mbox line though no field is missing', () => {
    expect(repairHeader(header(whole.slice(0, -2)), options)?.toString()).toBe(whole);
    expect(repairHeader(header(`From x Mon\r\n${whole}`), options)?.toString()).toBe(whole);
  });

  it('puts the fields in place of those of the same name in any case, and makes up a Message-ID at the domain', () => {
    const { messageId: _, ...rest } = options;
    const repaired = repairHeader(header('DATE: x\r\nmessage-id:\r\nFrom: a@b\r\n\r\n'), rest)?.toString();
    expect(repaired).toMatch(
      /^From: a@b\r\nDate: Mon, 05 Jan 2026 07:08:09 \+0000\r\nMessage-ID: <[\w-]{24}@contoso\.com>\r\n\r\n$/,
    );
    const international = repairHeader(header('Date: 5 Jan 2026 10:00\r\nMessage-ID: <y>\r\n\r\n'), {
      ...rest,
      from: 'é@b',
    });
    expect(international?.toString()).toMatch(/\r\nFrom: é@b\r\n\r\n$/);
  });

  it('adds no From it cannot vouch for', () => {
    const text = 'Date: Mon, 5 Jan 26 10:15 CET\r\nMessage-ID: <y>\r\n\r\n';
    const { from: _, ...withoutFrom } = options;
    expect(repairHeader(header(text), withoutFrom)).toBeUndefined();
    expect(repairHeader(header(text), { ...options, from: 'a@b\r\nBcc: c@d' })).toBeUndefined();
  });
});

describe('A Message-ID', () => {
  const repaired = (value: string) =>
    HeaderBlock.parse(
      repairHeader(header(`Date: 5 Jan 2026 10:00\r\nMessage-ID: ${value}\r\nFrom: a@b\r\n\r\n`), {
        date,
        domain: 'contoso.com',
        messageId: '<1@contoso.com>',
      }) ?? header(`Message-ID: ${value}\r\n`).raw,
    ).get('Message-ID');

  it.each(['<1@x>', '<1@x> (comment)', '(comment) <1@x>', '(comment)<1@x>', '<no at>', '<a><b>'])(
    'that others find by it stays: %s',
    (value) => {
      expect(repaired(value)).toBe(value);
    },
  );

  it.each([
    ['1234@device', '<1234@device>'],
    ['a!b;c=d?e@f-g~', '<a!b;c=d?e@f-g~>'],
    ['x <1@x>', '<1@contoso.com>'],
    ['<>', '<1@contoso.com>'],
    ['<<1@x>', '<1@contoso.com>'],
    ['1234', '<1@contoso.com>'],
    ['@device', '<1@contoso.com>'],
    ['1234@', '<1@contoso.com>'],
    ['1@2@3', '<1@contoso.com>'],
    ['12 34@device', '<1@contoso.com>'],
    ['1@dev ice', '<1@contoso.com>'],
    ['<1@x', '<1@contoso.com>'],
    ['1@x>', '<1@contoso.com>'],
  ])('%s becomes %s', (value, expected) => {
    expect(repaired(value)).toBe(expected);
  });
});

describe('formatDate', () => {
  it.each([
    [0, 'Mon, 05 Jan 2026 07:08:09 +0000'],
    [60, 'Mon, 05 Jan 2026 08:08:09 +0100'],
    [-570, 'Sun, 04 Jan 2026 21:38:09 -0930'],
    [840, 'Mon, 05 Jan 2026 21:08:09 +1400'],
  ])('%i minutes east it is %s', (offset, expected) => {
    expect(formatDate(date, offset)).toBe(expected);
  });

  it('means the same instant in every zone', () => {
    const instants = fc.integer({ min: -2e9, max: 4e9 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(instants, fc.integer({ min: -720, max: 840 }), (instant, offset) => {
        expect(Date.parse(formatDate(new Date(instant), offset))).toBe(instant);
      }),
    );
  });
});

describe('makeMessageId', () => {
  it('is new each time, at the domain, and nothing can be smuggled in by the domain', () => {
    expect(makeMessageId('contoso.com')).toMatch(/^<[\w-]{24}@contoso\.com>$/);
    expect(makeMessageId('contoso.com')).not.toBe(makeMessageId('contoso.com'));
    expect(makeMessageId('x>\r\nBcc: y')).toMatch(/^<[\w-]{24}@xBcc:y>$/);
    expect(makeMessageId('')).toMatch(/@localhost>$/);
  });
});

describe('receivedField', () => {
  const facts = {
    from: { helo: 'mfp-3', address: '192.168.10.7' },
    by: 'bridge.local',
    with: 'ESMTPSA',
    id: 'q1',
    date,
  };

  it('says who brought the message, how, when, and for whom', () => {
    expect(receivedField({ ...facts, forAddress: 'a@b' })).toBe(
      'Received: from mfp-3 ([192.168.10.7])\r\n\tby bridge.local\r\n\twith ESMTPSA id q1\r\n\tfor <a@b>; Mon, 05 Jan 2026 07:08:09 +0000\r\n',
    );
  });

  it.each([
    ['::ffff:10.0.0.1', '([10.0.0.1])'],
    ['2001:db8::1', '([IPv6:2001:db8::1])'],
    ['::FFFF:10.0.0.1', '([10.0.0.1])'],
    ['::ffff:a00:1', '([IPv6:::ffff:a00:1])'],
    ['1::ffff:10.0.0.1', '([IPv6:1::ffff:10.0.0.1])'],
    ['fe80::1%eth0', '([IPv6:fe80::1])'],
    ['fe80::1%eth0%1', '([IPv6:fe80::1])'],
    ['nonsense\r\nX: y', '(unknown)'],
  ])('writes the address %j as %s', (address, expected) => {
    expect(receivedField({ ...facts, from: { helo: 'x', address } })).toContain(expected);
  });

  it('names what cannot be written in other words, and nobody whose address is no address', () => {
    const nameless = { from: { helo: '', address: '' }, by: '(', with: '\r\n', id: ';', forAddress: 'é' };
    expect(receivedField({ ...facts, ...nameless })).toBe(
      'Received: from unknown (unknown)\r\n\tby localhost\r\n\twith SMTP id none; Mon, 05 Jan 2026 07:08:09 +0000\r\n',
    );
    expect(receivedField({ ...facts, forAddress: 'é@b' })).toContain('\r\n\tfor <é@b>; ');
  });

  it('is one well-formed field whatever the client calls itself', () => {
    const any = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('a\r\nBcc: b@c', '(((', ';', '\0', '\n.\n', 'x'.repeat(5000)),
    );
    fc.assert(
      fc.property(any, any, any, any, (helo, id, by, forAddress) => {
        const field = receivedField({ ...facts, from: { helo, address: helo }, id, by, forAddress });
        const parsed = HeaderBlock.parse(Buffer.from(`${field}\r\n`));
        expect(parsed.fields).toHaveLength(1);
        expect(parsed.hasEmptyLine).toBe(true);
        expect(field).toMatch(
          /^Received: from \S+ \((\[\S+\]|unknown)\)\r\n\tby \S+\r\n\twith ESMTPSA id \S+(\r\n\tfor <.+>)?; Mon,[^;]+\r\n$/,
        );
        for (const line of field.split('\r\n')) expect(line.length).toBeLessThan(998);
      }),
    );
  });
});
