import { describe, expect, test } from 'vitest';
import { AddressMap } from '../../../src/accounts/address-map.ts';
import type { MailChanges } from '../../../src/accounts/mail-changes.ts';
import { mayUseReversePath } from '../../../src/accounts/sender-rules.ts';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { SmtpReply } from '../../../src/smtp/session.ts';
import { acceptedHeader } from '../../../src/submission/accepted-header.ts';

const base = 'Date: Mon, 05 Jan 2026 07:00:00 +0000\r\nMessage-ID: <1@x>\r\nSubject: x\r\n';

interface Given {
  readonly changes?: Partial<MailChanges>;
  readonly senders?: readonly string[];
  readonly recipients?: readonly string[];
  readonly forceFrom?: string;
  readonly onBehalf?: string;
}

/** The fields of the header as sent, except Received and those of `base`. */
function accepted(header: string, { changes = {}, senders, recipients = [], forceFrom, onBehalf }: Given): string[] {
  const none = {
    senders: new AddressMap(),
    recipients: new AddressMap(),
    fields: { add: [], remove: new Set<string>() },
  };
  const block = HeaderBlock.parse(Buffer.from(`${base}${header}\r\n\r\n`));
  const edited = acceptedHeader(block, {
    account: {
      username: 'scanner',
      connection: 'contoso',
      mailbox: 'reports@contoso.com',
      send: ['graph'],
      delivery: 'queued',
      mailboxFor: () => 'reports@contoso.com',
      maySendAs: (address) => mayUseReversePath(senders ?? ['*@contoso.com'], address),
      changes: { ...none, ...changes },
      ...(onBehalf === undefined ? {} : { isOnBehalf: (address) => address === onBehalf }),
      ...(forceFrom === undefined ? {} : { forceFrom }),
    },
    envelope: {
      reversePath: 'old@contoso.com',
      recipients: recipients.map((address) => ({ address })),
      eightBit: false,
      smtpUtf8: false,
    },
    client: {
      id: 'c1',
      remoteAddress: '192.0.2.7',
      localPort: 25,
      secure: true,
      helo: 'mfp',
      transmissionType: 'ESMTPSA',
      abort() {},
    },
    hostname: 'bridge.contoso.com',
    id: 'q1',
    receivedAtMs: Date.UTC(2026, 0, 5, 8),
    refuse: (address) => new SmtpReply(550, '5.7.1', `not as ${address}`),
  });
  const text = (edited.octets ?? block.raw).toString();
  const fields = HeaderBlock.parse(Buffer.from(text)).fields.map(({ raw }) => raw.toString().trimEnd());
  return fields.filter((field) => !field.startsWith('Received:') && !base.includes(`${field}\r\n`));
}

const fields = (add: Record<string, string>, remove: string[] = []) => ({
  fields: { add: Object.entries(add), remove: new Set(remove) },
});

describe('rewriting', () => {
  const changes = {
    senders: new AddressMap({ 'old@contoso.com': 'new@contoso.com', '*@erp.local': '*@contoso.com' }),
    recipients: new AddressMap({ '*@lab.local': 'ops@contoso.com', 'old@contoso.com': 'nobody@contoso.com' }),
  };

  test('reaches the fields of who sends, and those of who receives, each by its own rules', () => {
    const header = [
      'From: The ERP <jobs@erp.local>',
      'Reply-To: Help: old@contoso.com, ann@x.example;',
      'To: Lab\r\n <root@lab.local>, old@contoso.com',
      'Cc: (lab) bo@lab.local',
      'Disposition-Notification-To: old@contoso.com',
      'Resent-From: old@contoso.com',
      'Resent-To: root@lab.local',
      'References: <old@contoso.com>',
      'X-Owner: old@contoso.com, root@lab.local',
    ];
    expect(accepted(header.join('\r\n'), { changes })).toEqual([
      'From: The ERP <jobs@contoso.com>',
      'Reply-To: Help: new@contoso.com, ann@x.example;',
      'To: Lab\r\n <ops@contoso.com>, nobody@contoso.com',
      'Cc: (lab) ops@contoso.com',
      'Disposition-Notification-To: new@contoso.com',
      'Resent-From: new@contoso.com',
      'Resent-To: ops@contoso.com',
      'References: <old@contoso.com>',
      'X-Owner: old@contoso.com, root@lab.local',
    ]);
  });

  test('comes before the sender rules: they see the new address', () => {
    expect(accepted('From: old@contoso.com', { changes, senders: ['new@contoso.com'] })).toEqual([
      'From: new@contoso.com',
    ]);
    const denied = { changes, senders: ['old@contoso.com'] };
    expect(() => accepted('From: old@contoso.com', denied)).toThrow('not as new@contoso.com');
    expect(() => accepted('From: new@contoso.com\r\nSender: old@contoso.com', denied)).toThrow(
      'not as new@contoso.com',
    );
  });

  test('cannot make of the mailbox, in place of a missing From, what the account may not use', () => {
    const rule = { senders: new AddressMap({ 'reports@contoso.com': 'boss@x.example' }) };
    expect(() => accepted('X-Tag: 1', { changes: rule })).toThrow('not as boss@x.example');
    expect(accepted('X-Tag: 1', { changes, senders: ['ann@contoso.com'] })).toContain('From: reports@contoso.com');
  });

  test('understands a name without a domain by the envelope, before it is rewritten', () => {
    const given = { changes, recipients: ['root@lab.local'] };
    expect(accepted('From: new@contoso.com\r\nTo: root', given)).toContain('To: ops@contoso.com');
  });

  test('leaves a header without such addresses as it is', () => {
    const header = ['From: (a) "Old, Ann"\r\n\t<ann@contoso.com>', 'To: =?utf-8?Q?B=C3=B6?= <bo@x.example>', 'X: y'];
    expect(accepted(header.join('\r\n'), { changes })).toEqual(header);
  });
});

describe('a redirection', () => {
  const changes = { redirectAllTo: 'test@contoso.com' };
  const from = 'From: reports@contoso.com';

  test('names the one address in To, and keeps what stood there, and who would have got it', () => {
    const given = { changes, recipients: ['ann@x.example', 'hidden@x.example'] };
    const header = `${from}\r\nTo: Ann\r\n <ann@x.example>\r\nCc: Team: bo@x.example;\r\nResent-To: cy@x.example`;
    expect(accepted(`${header}\r\nBcc: hidden@x.example`, given)).toEqual([
      from,
      'X-Mailbridge-To: Ann\r\n <ann@x.example>',
      'X-Mailbridge-Cc: Team: bo@x.example;',
      'X-Mailbridge-Resent-To: cy@x.example',
      'To: test@contoso.com',
      'X-Mailbridge-Recipients: ann@x.example,\r\n hidden@x.example',
    ]);
  });

  test('shows recipients as rules have rewritten them', () => {
    const rules = { ...changes, recipients: new AddressMap({ '*@lab.local': 'ops@contoso.com' }) };
    const given = { changes: rules, recipients: ['root@lab.local', 'cron@lab.local'] };
    expect(accepted(`${from}\r\nTo: root@lab.local`, given)).toEqual([
      from,
      'X-Mailbridge-To: ops@contoso.com',
      'To: test@contoso.com',
      'X-Mailbridge-Recipients: ops@contoso.com',
    ]);
  });

  test('lists two hundred recipients, and counts the others', () => {
    const recipients = Array.from({ length: 500 }, (_, index) => `user${index}@x.example`);
    const list = accepted(from, { changes, recipients }).find((field) => field.startsWith('X-Mailbridge-Recipients'));
    expect(list).toMatch(/ user199@x\.example\r\n \(and 300 more\)$/);
  });

  test('goes with forceFrom', () => {
    expect(accepted('From: root@erp.local', { changes, forceFrom: 'reports@contoso.com' })).toContain(
      'To: test@contoso.com',
    );
  });
});

describe('header fields', () => {
  test('go, then come where they are missing', () => {
    const changes = fields({ 'X-Source': 'scanner 3', Importance: 'high', Subject: 'y' }, ['x-mailer', 'importance']);
    const header = 'From: reports@contoso.com\r\nX-MAILER : foo\r\n bar\r\nImportance: low\r\nX-Other: kept';
    expect(accepted(header, { changes })).toEqual([
      'From: reports@contoso.com',
      'X-Other: kept',
      'X-Source: scanner 3',
      'Importance: high',
    ]);
  });

  test('beyond ASCII are encoded, addresses under their names', () => {
    const changes = fields({ 'X-Room': 'Büro '.repeat(30).trim(), 'Reply-To': 'Büro <ann@contoso.com>' });
    const [, room, replyTo] = accepted('From: reports@contoso.com', { changes });
    expect(room).toMatch(/^X-Room: =\?utf-8\?B\?[\w+/=]+\?=(?:\r\n =\?utf-8\?B\?[\w+/=]+\?=)+$/);
    expect(replyTo).toBe('Reply-To: =?utf-8?B?QsO8cm8=?= <ann@contoso.com>');
  });
});

describe('mail on behalf of another address', () => {
  const onBehalf = 'sales@contoso.com';

  test('names the mailbox as its Sender', () => {
    expect(accepted(`From: Sales <${onBehalf}>`, { onBehalf })).toEqual([
      `From: Sales <${onBehalf}>`,
      'Sender: reports@contoso.com',
    ]);
    const changes = { senders: new AddressMap({ 'shop@erp.local': onBehalf }) };
    expect(accepted('From: shop@erp.local', { onBehalf, changes })).toContain('Sender: reports@contoso.com');
    expect(accepted('From: root@erp.local', { onBehalf, forceFrom: onBehalf })).toContain(
      'Sender: reports@contoso.com',
    );
  });

  test('keeps a Sender that it has, and other mail gets none', () => {
    expect(accepted(`From: ${onBehalf}\r\nSender: ann@contoso.com`, { onBehalf })).toEqual([
      `From: ${onBehalf}`,
      'Sender: ann@contoso.com',
    ]);
    expect(accepted('From: ann@contoso.com', { onBehalf })).toEqual(['From: ann@contoso.com']);
  });
});
