import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayUseReversePath } from '../../src/accounts/sender-rules.ts';
import { isValidAddress, parseAddressList } from '../../src/message/address/address.ts';
import { HeaderBlock } from '../../src/message/header/fields.ts';
import { SmtpReply } from '../../src/smtp/session.ts';
import { acceptedHeader } from '../../src/submission/accepted-header.ts';
import type { SubmissionAccount } from '../../src/submission/account.ts';

const senders = ['reports@contoso.example', '*@devices.contoso.example'];

function accept(header: string, change: Partial<SubmissionAccount> = {}, recipients: string[] = []): string {
  const block = HeaderBlock.parse(Buffer.from(header));
  const { octets } = acceptedAs(block, change, recipients);
  return (octets ?? block.raw).toString();
}

function acceptedAs(block: HeaderBlock, change: Partial<SubmissionAccount> = {}, recipients: string[] = []) {
  return acceptedHeader(block, {
    account: {
      username: 'scanner',
      connection: 'contoso',
      mailbox: 'reports@contoso.example',
      send: ['graph'],
      delivery: 'queued',
      maySendAs: (address) => mayUseReversePath(senders, address),
      mailboxFor: () => change.mailbox ?? 'reports@contoso.example',
      ...change,
    },
    envelope: {
      reversePath: 'scan@devices.contoso.example',
      recipients: recipients.map((address) => ({ address })),
      eightBit: false,
      smtpUtf8: false,
    },
    client: {
      id: 'c1',
      remoteAddress: '192.0.2.7',
      localPort: 25,
      secure: true,
      helo: 'mfp-2nd-floor',
      transmissionType: 'ESMTPSA',
      abort() {},
    },
    hostname: 'bridge.contoso.example',
    id: 'q1',
    receivedAtMs: Date.UTC(2026, 0, 5, 8),
    refuse: (address) => new SmtpReply(550, '5.7.1', `not as ${address}`),
  });
}

const complete =
  'Date: Mon, 05 Jan 2026 07:00:00 +0000\r\nMessage-ID: <1@x>\r\nFrom: Scan <reports@contoso.example>\r\nSubject: x\r\n';
const received =
  'Received: from mfp-2nd-floor ([192.0.2.7])\r\n\tby bridge.contoso.example\r\n\twith ESMTPSA id q1; Mon, 05 Jan 2026 08:00:00 +0000\r\n';

describe('the header of an accepted message', () => {
  test('gains a Received field and keeps every octet otherwise', () => {
    expect(accept(`${complete}\r\n`)).toBe(`${received}${complete}\r\n`);
  });

  test.each(['Message-ID: <1@x>', 'Message-ID: 1@x', 'Message-ID: none', 'Message-ID: (a) <1@x> z', ''])(
    'is listed with the Message-ID that it leaves with: %s',
    (field) => {
      const block = HeaderBlock.parse(Buffer.from(`From: reports@contoso.example\r\n${field && `${field}\r\n`}\r\n`));
      const { octets, listed } = acceptedAs(block);
      expect(/^Message-ID: .*?(<[^>]+>)/m.exec(octets?.toString() ?? '')?.[1]).toBe(listed.messageId);
      expect(listed.subject).toBeUndefined();
    },
  );

  test('is listed with the subject that it leaves with', () => {
    const header = 'From: reports@contoso.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nSubject: second\r\n\r\n';
    expect(acceptedAs(HeaderBlock.parse(Buffer.from(header))).listed.subject).toBe('Grüße');
  });

  test('gains Date and Message-ID where they are missing', () => {
    expect(accept('From: reports@contoso.example\r\n\r\n')).toMatch(
      /^Received: .*\r\n\t.*\r\n\t.*\r\nFrom: reports@contoso\.example\r\nDate: Mon, 05 Jan 2026 08:00:00 \+0000\r\nMessage-ID: <[\w-]+@contoso\.example>\r\n\r\n$/,
    );
  });

  test('loses Bcc: the envelope has it', () => {
    const header = accept(
      `${complete}Bcc: boss@contoso.example,\r\n  eve@x.example\r\nResent-Bcc: eve@x.example\r\nX-Last: y\r\n\r\n`,
    );
    expect(header).toBe(`${received}${complete}X-Last: y\r\n\r\n`);
  });

  test.each(['', 'From:\r\n', 'From: <>\r\n', 'From: "reports@contoso.example"\r\n'])(
    'gains a From where there is no usable one: %j',
    (from) => {
      const header = accept(`Subject: x\r\n${from}\r\n`);
      expect(header.match(/^From:.*$/gm)).toEqual(['From: reports@contoso.example']);
      expect(header).toContain('\r\nSubject: x\r\n');
    },
  );

  test.each([
    'From: reports@contoso.example\r\n',
    'From: REPORTS@Contoso.Example\r\n',
    'From: "boss@contoso.example" <reports@contoso.example>\r\n',
    'From: mfp@devices.contoso.example\r\n',
    'From: reports@contoso.example\r\nSender: mfp@devices.contoso.example\r\n',
  ])('may say %j', (from) => {
    expect(accept(`${from}\r\n`)).toContain(from);
  });

  test.each([
    'From: boss@contoso.example\r\n',
    'From: reports@contoso.example, boss@contoso.example\r\n',
    'From: reports@contoso.example\r\nFrom: boss@contoso.example\r\n',
    'From: Team: reports@contoso.example, boss@contoso.example;\r\n',
    'From: reports@contoso.example\r\nSender: boss@contoso.example\r\n',
    'From: reports@contoso.example\r\n\t<boss@contoso.example>\r\n',
  ])('may not say %j', (from) => {
    expect(() => accept(`${from}\r\n`)).toThrow('not as boss@contoso.example');
  });

  test('that has passed fifty servers goes in circles', () => {
    const trace = (count: number) => 'Received: from a by b; Mon, 05 Jan 2026 07:00:00 +0000\r\n'.repeat(count);
    expect(accept(`${trace(50)}${complete}\r\n`)).toContain('Subject: x');
    expect(() => accept(`${trace(51)}${complete}\r\n`)).toThrow('mail loop');
  });

  test.each([
    ['From: Scanner', 'From: Scanner <reports@contoso.example>'],
    ['From: Front Desk <scanner>', 'From: Front Desk <reports@contoso.example>'],
    ['From: Empfang M\u00fcller <scanner>', 'From: =?utf-8?B?RW1wZmFuZyBNw7xsbGVy?= <reports@contoso.example>'],
    ['From: "boss@contoso.example" <nobody>', 'From: reports@contoso.example'],
    ['From: scan@con toso.example', 'From: reports@contoso.example'],
    ['From: scan@mfp@contoso.example', 'From: reports@contoso.example'],
    ['From: "front desk"', 'From: front desk <reports@contoso.example>'],
    ['From: Front Desk', 'From: Front Desk <reports@contoso.example>'],
    ['From: [HP Scanner]', 'From: "[HP Scanner]" <reports@contoso.example>'],
    ['From: [HP Scanner] <reports@contoso.example>', 'From: "[HP Scanner]" <reports@contoso.example>'],
    ['From: Smith, John <reports@contoso.example>', 'From: "Smith, John" <reports@contoso.example>'],
    ['From: =?utf-8?Q?Boss_<boss@contoso.example>?=', 'From: reports@contoso.example'],
    // A recipient's address does not belong to the sender.
    ['From: boss', 'From: boss <reports@contoso.example>'],
    ['From: =?utf-8?Q?boss=40contoso.example?=', 'From: reports@contoso.example'],
    [
      'From: =?utf-8?Q?M=C3=BCller, Anna?= <reports@contoso.example>',
      'From: =?utf-8?B?TcO8bGxlciwgQW5uYQ==?= <reports@contoso.example>',
    ],
    // Other readers may find the boss in it.
    [
      'From: =?utf-8?Q?<boss@contoso.example>,?= <reports@contoso.example>',
      'From: "<boss@contoso.example>," <reports@contoso.example>',
    ],
    ['From: Scan <reports@contoso.example', 'From: Scan <reports@contoso.example>'],
    ['From: Scan <reports@contoso.example>, scanner', 'From: Scan <reports@contoso.example>'],
    ['From: scanner\r\nFrom: Scan <reports@contoso.example>', 'From: Scan <reports@contoso.example>'],
    ['From: reports@contoso.example\r\nFrom: mfp@devices.contoso.example', 'From: reports@contoso.example'],
  ])('whose From is broken: %j becomes %j', (from, mended) => {
    const header = accept(`${from}\r\nSubject: x\r\n\r\n`, {}, ['boss@contoso.example']);
    expect(header.match(/^From:.*$/gm)).toEqual([mended]);
  });

  test.each([
    'From: =?utf-8?Q?M=C3=BCller=2C_Anna?= <reports@contoso.example>\r\n',
    'From: "Scan, 2nd floor"\r\n\t<reports@contoso.example>\r\n',
    'From: Sc\u00e4n <reports@contoso.example>\r\n',
    'From: (the scanner) reports@contoso.example\r\n',
  ])('whose From is odd but sound keeps it: %j', (from) => {
    expect(accept(`${from}Subject: x\r\n\r\n`)).toContain(`\r\n${from}`);
  });

  test('has no blank before a colon', () => {
    const header = accept(`${complete.replaceAll(': ', ' : ')}To\t :\tann@x.example\r\nX-Tag : a : b\r\n\r\n`);
    expect(header).toBe(`${received}${complete}To:\tann@x.example\r\nX-Tag: a : b\r\n\r\n`);
  });

  test.each(['graph', 'smtp'] as const)('names recipients by the addresses of the envelope (%s)', (send) => {
    const header = accept(`${complete}To: root, Undisclosed, Doe, Jo <jo@x.example>\r\n\r\n`, { send: [send] }, [
      'root@contoso.example',
      'jo@x.example',
    ]);
    expect(header).toBe(
      `${received}${complete}To: root@contoso.example,\r\n "Undisclosed, Doe, Jo" <jo@x.example>\r\n\r\n`,
    );
  });

  test('that has several authors gains the Sender it has to have', () => {
    const authors = 'From: reports@contoso.example, mfp@devices.contoso.example\r\n';
    expect(accept(`${authors}\r\n`)).toMatch(/^From: reports@.*, mfp@.*\r\nSender: reports@contoso\.example\r\n/m);
    const sender = 'Sender: mfp@devices.contoso.example\r\n';
    expect(accept(`${authors}${sender}\r\n`).match(/^Sender:.*$/gm)).toEqual([sender.trimEnd()]);
  });

  test('loses a Sender that names nobody', () => {
    expect(accept(`${complete}Sender: scanner\r\nX-Last: y\r\n\r\n`)).toBe(`${received}${complete}X-Last: y\r\n\r\n`);
  });

  test.each([
    ['Message-ID: 4711@mfp', 'Message-ID: <4711@mfp>'],
    ['Message-ID: <odd @ but fine>', 'Message-ID: <odd @ but fine>'],
    ['Date: 2026-01-05T09:30:00+01:00', 'Date: Mon, 05 Jan 2026 08:30:00 +0000'],
    ['Date: yesterday', 'Date: Mon, 05 Jan 2026 08:00:00 +0000'],
    ['Date: Mon Jan  5 06:00:00 UTC 2026', 'Date: Mon, 05 Jan 2026 06:00:00 +0000'],
    ['Date: Mon Jan  5 08:00:00 CEST 2026', 'Date: Mon, 05 Jan 2026 06:00:00 +0000'],
    ['Date: 05.01.2026 07:00', 'Date: Mon, 05 Jan 2026 08:00:00 +0000'],
    ['Date: Mon, 5 Jan 26 7:00 CET', 'Date: Mon, 5 Jan 26 7:00 CET'],
    ['Date: Monday (early), 5 Jan 2026 07:00', 'Date: Monday (early), 5 Jan 2026 07:00'],
  ])('whose %s reads %s', (field, expected) => {
    const [name = ''] = field.split(':');
    const header = accept(`From: reports@contoso.example\r\n${field}\r\n\r\n`);
    expect(header.split('\r\n').filter((line) => line.startsWith(`${name}:`))).toEqual([expected]);
  });

  test('a Message-ID that is none gives way to one', () => {
    const header = accept('From: reports@contoso.example\r\nMessage-ID: job 12\r\n\r\n');
    expect(header.match(/^Message-ID:.*$/gm)).toEqual([
      expect.stringMatching(/^Message-ID: <[\w-]+@contoso\.example>$/),
    ]);
  });

  test('has each field once: the first counts, recipients are joined', () => {
    const header = accept(
      `${complete}To: ann@contoso.example\r\nSubject: again\r\nTO:\r\n\tBo <bo@x.example>,\r\n cy@x.example\r\n` +
        'Cc: d@x.example\r\nMessage-ID: <2@x>\r\nTo:\r\nX-Tag: 1\r\nX-Tag: 2\r\n\r\n',
    );
    expect(header).toBe(
      `${received}${complete}To: ann@contoso.example,\r\n Bo <bo@x.example>,\r\n cy@x.example\r\n` +
        'Cc: d@x.example\r\nX-Tag: 1\r\nX-Tag: 2\r\n\r\n',
    );
  });
});

test.each([
  ['To: a@x.example\r\nTo: (open b@x.example', 'To: a@x.example,\r\n open <b@x.example>\r\n'],
  [
    'Cc: "open <a@x.example>\r\nCc: John Doe\r\ncc: =?utf-8?Q?B, b?= <b@x.example>',
    'Cc: open <a@x.example>,\r\n "B, b" <b@x.example>\r\n',
  ],
  ['Reply-To: Team: a@x.example;\r\nReply-To:\r\n', 'Reply-To: Team: a@x.example;\r\n'],
])('of an accepted message %j is joined', (fields, expected) => {
  expect(accept(`${complete}${fields}\r\n\r\n`)).toContain(expected);
});

test.each(['Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition', 'Content-ID', 'Content-Description'])(
  'an accepted message has one %s, the first',
  (name) => {
    expect(accept(`${complete}${name}: 1\r\n${name}: 2\r\n\r\n`)).toBe(`${received}${complete}${name}: 1\r\n\r\n`);
  },
);

describe('the header of a message whose sender is forced', () => {
  const forceFrom = 'reports@contoso.example';
  const only = (header: string, ...names: string[]) =>
    header.split('\r\n').filter((line) => names.some((name) => line.startsWith(`${name}:`)));

  test('keeps the name in From and the address in Reply-To', () => {
    const header = accept('From: The ERP <erp@old.example>\r\nSender: root@erp\r\nSubject: x\r\n\r\n', { forceFrom });
    expect(only(header, 'From', 'Reply-To', 'Sender', 'Subject')).toEqual([
      'Subject: x',
      'From: The ERP <reports@contoso.example>',
      'Reply-To: The ERP <erp@old.example>',
    ]);
  });

  test.each([
    ['=?utf-8?Q?Dr._M=C3=BCller?=', '=?utf-8?B?RHIuIE3DvGxsZXI=?='],
    ['=?utf-8?Q?Ford, Ann?=', '"Ford, Ann"'],
    ['"=?iso-8859-1?Q?M=FCller?="', '=?iso-8859-1?Q?M=FCller?='],
    ['Sch\u00f6n \u2013 Bonn', '=?utf-8?B?U2Now7ZuIOKAkyBCb25u?='],
  ])('keeps the name %s, readable', (name, written) => {
    const header = accept(`From: ${name} <ann@old.example>\r\n\r\n`, { forceFrom });
    expect(only(header, 'From')).toEqual([`From: ${written} <reports@contoso.example>`]);
  });

  test.each(['"boss@contoso.example"', '=?utf-8?Q?boss=40contoso.example?=', '=?utf-8?B?Ym9zc++8oGNvbnRvc28=?='])(
    'drops the name %s, which would pass for the sender',
    (name) => {
      const header = accept(`From: ${name} <a@old.example>\r\n\r\n`, { forceFrom });
      expect(only(header, 'From')).toEqual([`From: ${forceFrom}`]);
    },
  );

  test('keeps a Reply-To that is there, and mends one that names nobody', () => {
    const there = 'Reply-To: desk@contoso.example';
    expect(only(accept(`From: a@old.example\r\n${there}\r\n\r\n`, { forceFrom }), 'Reply-To')).toEqual([there]);
    expect(only(accept('From: a@old.example\r\nReply-To: <>\r\n\r\n', { forceFrom }), 'Reply-To')).toEqual([
      'Reply-To: a@old.example',
    ]);
  });

  test('is left alone where From is that address already', () => {
    const from = 'From: "Scan, 2nd floor" <REPORTS@contoso.example>\r\n';
    const header = accept(`${from}Subject: x\r\n\r\n`, { forceFrom });
    expect(header).toContain(`\r\n${from}Subject: x\r\n`);
    expect(only(header, 'Reply-To')).toEqual([]);
  });

  test.each(['', 'From: <>\r\n', 'From: scanner\r\n'])(
    'has no Reply-To where nobody could be replied to: %j',
    (from) => {
      const header = accept(`${from}Subject: x\r\n\r\n`, { forceFrom });
      expect(only(header, 'From')).toHaveLength(1);
      expect(only(header, 'Reply-To')).toEqual([]);
    },
  );

  test('may be another than the mailbox', () => {
    const header = accept('From: a@old.example\r\n\r\n', { forceFrom: 'sales@contoso.example' });
    expect(only(header, 'From', 'Reply-To')).toEqual(['From: sales@contoso.example', 'Reply-To: a@old.example']);
  });
});

test('whatever stands in From, Sender and Reply-To: one sound From, at most one of each other field', () => {
  const piece = fc.constantFrom(
    'a@b.example',
    '<',
    '>',
    '"',
    ',',
    ';',
    ':',
    '(',
    ')',
    ' ',
    'x',
    '@',
    '=?utf-8?Q?y?=',
    '\u00fc',
    '\\',
  );
  const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
  const name = fc.constantFrom('From', 'Sender', 'Reply-To', 'To', 'Date', 'Message-ID', 'Subject');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), fc.boolean(), (fields, isForced) => {
      const given = fields.map(([field, text]) => `${field}: ${text}\r\n`).join('');
      const change = isForced ? { forceFrom: 'reports@contoso.example' } : { maySendAs: () => true };
      const header = HeaderBlock.parse(Buffer.from(accept(`${given}\r\n`, change)));
      const from = header.getAll('From').map((each) => parseAddressList(each).addresses);
      expect(from).toHaveLength(1);
      expect(from[0]?.some(({ address }) => isValidAddress(address, { smtpUtf8: true }))).toBe(true);
      if (isForced) expect(from[0]?.map(({ address }) => address)).toEqual(['reports@contoso.example']);
      for (const single of ['Sender', 'Date', 'Message-ID', 'Subject']) {
        expect(header.getAll(single).length).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 2000 },
  );
});
