import { describe, expect, it } from 'vitest';
import { deliveryStatusMessage } from '../../../src/message/report/delivery-status.ts';
import type { DeliveryStatusFacts, ReportedRecipient } from '../../../src/message/report/facts.ts';

const recipient: ReportedRecipient = {
  address: 'bob@x.example',
  action: 'failed',
  status: '5.1.1',
  diagnostic: 'smtp; 550 no such user',
};

const facts: DeliveryStatusFacts = {
  reportingMta: 'bridge.local',
  from: 'mailer-daemon@contoso.example',
  to: 'scanner@contoso.example',
  arrivalDate: new Date('2026-01-05T07:08:09Z'),
  originalHeaders: Buffer.from('Subject: Scan\r\nMessage-ID: <17@mfp>\r\n\r\n'),
  recipients: [recipient],
  date: new Date('2026-01-05T08:00:00Z'),
  messageId: '<report@bridge.local>',
  boundary: 'b',
};

/** The report, with folded lines joined. */
function report(change: Partial<DeliveryStatusFacts> = {}): string {
  return deliveryStatusMessage({ ...facts, ...change })
    .toString()
    .replaceAll(/\r\n (?! )/g, ' ');
}

const about = (change: Partial<ReportedRecipient>) => report({ recipients: [{ ...recipient, ...change }] });
const withHeader = (text: string) => report({ originalHeaders: Buffer.from(`${text}\r\n\r\n`) });
const x = (count: number) => 'x'.repeat(count);

/** The values of a field, anywhere in the report. */
function values(text: string, name: string): string[] {
  return [...text.matchAll(new RegExp(`^${name}: (.*)\r$`, 'gm'))].map(([, value = '']) => value);
}

describe('What a report says of a recipient (RFC 3464 section 2.3)', () => {
  it.each([
    ['5.7.60', 'failed', '5.7.60'],
    ['4.999.999', 'delayed', '4.999.999'],
    ['2.1.5', 'relayed', '2.1.5'],
    ['', 'failed', '5.0.0'],
    ['', 'delayed', '4.0.0'],
    ['', 'relayed', '2.0.0'],
    ['3.1.1', 'failed', '5.0.0'],
    ['5.1', 'failed', '5.0.0'],
    ['5.1.1.1', 'failed', '5.0.0'],
    ['x5.1.1', 'failed', '5.0.0'],
    ['5.1.1000', 'failed', '5.0.0'],
    ['5.1000.1', 'failed', '5.0.0'],
  ] as const)('the status %j of one that %s is %s', (status, action, expected) => {
    const text = about({ status, action });
    expect(values(text, 'Status')).toEqual([expected]);
    expect(values(text, 'Action')).toEqual([action]);
  });

  it.each([
    ['smtp; 550 no', 'smtp; 550 no'],
    ['x-graph; ErrorItemNotFound', 'x-graph; ErrorItemNotFound'],
    ['550 no; such user', 'x-unknown; 550 no; such user'],
    ['no such user', 'x-unknown; no such user'],
    ['; 550', 'x-unknown; ; 550'],
  ])('the diagnostic %j is the code %j', (diagnostic, expected) => {
    expect(values(about({ diagnostic }), 'Diagnostic-Code')).toEqual([expected]);
  });

  it.each([
    ['rfc822;bobby@x.example', ['rfc822;bobby@x.example']],
    ['bobby@x.example', []],
    [undefined, []],
  ])('ORCPT=%s is the original recipient %j', (orcpt, expected) => {
    expect(values(about(orcpt === undefined ? {} : { orcpt }), 'Original-Recipient')).toEqual(expected);
  });

  it('the time to which it is tried stands there while it is tried, where it is known', () => {
    const willRetryUntil = new Date('2026-01-07T00:00:00Z');
    const recipients = [recipient, { ...recipient, action: 'delayed' as const }];
    expect(values(report({ recipients, willRetryUntil }), 'Will-Retry-Until')).toEqual([
      'Wed, 07 Jan 2026 00:00:00 +0000',
    ]);
    expect(report({ recipients, willRetryUntil })).toContain('It will be tried until Wed, 07 Jan 2026 00:00:00 +0000.');
    expect(report({ recipients })).not.toContain('Until');
    expect(report({ recipients })).not.toContain('tried until');
    expect(report({ willRetryUntil })).not.toContain('Until');
    expect(report({ willRetryUntil })).not.toContain('tried until');
  });

  it('the server that refused, where there is one', () => {
    expect(values(report({ remoteMta: 'smtp.office365.com' }), 'Remote-MTA')).toEqual(['dns; smtp.office365.com']);
    expect(values(report({ remoteMta: '(;' }), 'Remote-MTA')).toEqual(['dns; unknown']);
    expect(values(report(), 'Remote-MTA')).toEqual([]);
  });
});

describe('What a report tells people', () => {
  const none = 'NOT be delivered';
  const late = 'NOT YET been delivered';
  const taken = 'Microsoft 365 has accepted it';

  it.each([
    [['failed'], 'Undeliverable', [none]],
    [['delayed'], 'Delayed', [late]],
    [['relayed'], 'Relayed', [taken]],
    [['relayed', 'delayed'], 'Delayed', [late, taken]],
    [['delayed', 'failed', 'relayed'], 'Undeliverable', [none, late, taken]],
  ] as const)('of recipients %j: the worst in the subject, and each in its place', (actions, word, said) => {
    const recipients = actions.map((action) => ({ ...recipient, address: `${action}@x.example`, action }));
    const text = report({ recipients });
    expect(values(text, 'Subject')[0]).toBe(`${word}: Scan`);
    const places = said.map((each) => text.indexOf(each));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    for (const each of [none, late, taken])
      if (!(said as readonly string[]).includes(each)) expect(text).not.toContain(each);
    for (const action of actions) expect(text.split(`<${action}@x.example>`)).toHaveLength(2);
  });

  it('all of them, so', () => {
    const late = { ...recipient, address: 'late@x.example', action: 'delayed', diagnostic: 'x-graph; busy' } as const;
    const taken = { ...recipient, address: 'taken@x.example', action: 'relayed', diagnostic: 'taken' } as const;
    const willRetryUntil = new Date('2026-01-07T00:00:00Z');
    const text = deliveryStatusMessage({ ...facts, recipients: [taken, recipient, late], willRetryUntil }).toString();
    const people = text.split('\r\n--b\r\n')[1]?.split('\r\n\r\n').slice(1).join('\r\n\r\n').split('\r\n');
    expect(people).toEqual([
      'This is mailbridge on bridge.local. It accepted this message for Microsoft 365:',
      '',
      '  Subject: Scan',
      '  Accepted: Mon, 05 Jan 2026 07:08:09 +0000',
      '  Message-ID: <17@mfp>',
      '',
      'It could NOT be delivered to these recipients, and will not be tried again:',
      '',
      '  <bob@x.example>',
      '    Microsoft 365 answered: 550 no such user',
      '',
      'It has NOT YET been delivered to these recipients. Delivery is still being tried;',
      'you do not need to send it again:',
      '',
      '  <late@x.example>',
      '    Microsoft 365 answered: busy',
      '',
      'It will be tried until Wed, 07 Jan 2026 00:00:00 +0000.',
      '',
      'Microsoft 365 has accepted it for these recipients. This notice was requested. Microsoft',
      'reports only failures, so no further notice follows if all goes well:',
      '',
      '  <taken@x.example>',
      '    Reason: taken',
      '',
      'The header of the message is attached.',
      '',
    ]);
  });

  it.each([
    ['smtp; 550 no', 'Microsoft 365 answered: 550 no\r\n'],
    ['x-graph;busy', 'Microsoft 365 answered: busy\r\n'],
    ['x-mailbridge; too large', 'Reason: too large\r\n'],
    ['no type at all', 'Reason: no type at all\r\n'],
    ['two words; x', 'Reason: two words; x\r\n'],
    ['smtp; 550-no\r\n550 way', 'Microsoft 365 answered: 550-no 550 way\r\n'],
  ])('the diagnostic %j: %j', (diagnostic, said) => {
    expect(about({ diagnostic })).toContain(`    ${said}`);
  });

  it('what to do, where something is known', () => {
    expect(about({ remedy: 'Ask them.' })).toContain('    What to do: Ask them.\r\n');
    expect(about({})).not.toContain('What to do');
  });

  it('nothing where nothing stood in the message', () => {
    expect(withHeader('To: a@b.c')).toContain('\r\n  Subject: (none)\r\n  Accepted:');
    expect(withHeader('To: a@b.c')).toContain('Message-ID: (none)');
    expect(values(withHeader('Subject: \r\nMessage-ID: '), 'Subject')[0]).toBe('Undeliverable: (no subject)');
  });
});

describe('Whom a report is from, and to', () => {
  it.each([
    ['daemon@contoso.example', 'bridge.local', 'daemon@contoso.example'],
    ['é@contoso.example', 'bridge.local', 'MAILER-DAEMON@bridge.local'],
    ['', '(', 'MAILER-DAEMON@localhost'],
  ])('from %j at %j: %s', (from, reportingMta, expected) => {
    expect(values(report({ from, reportingMta }), 'From')).toEqual([`Mail Delivery System <${expected}>`]);
  });

  it.each([
    ['ann@x.example', '<ann@x.example>'],
    ['é@x.example', '<é@x.example>'],
    ['', 'undisclosed-recipients:;'],
    ['a\r\nBcc: b@c', 'undisclosed-recipients:;'],
  ])('to %j: %s', (to, expected) => {
    expect(values(report({ to }), 'To')).toEqual([expected]);
  });

  it('has a Message-ID, a boundary and a date of its own', () => {
    const { date: _d, messageId: _m, boundary: _b, ...rest } = facts;
    const made = () => deliveryStatusMessage({ ...rest, reportingMta: '(' }).toString();
    expect(values(made(), 'Message-ID')[0]).toMatch(/^<[\w-]{24}@localhost>$/);
    const boundary = /boundary="(=_report_[0-9a-f]{36})"/.exec(made())?.[1];
    expect(boundary).toBeDefined();
    expect(made()).not.toContain(boundary);
    const [date = '', attempt = ''] = [...values(made(), 'Date'), ...values(made(), 'Last-Attempt-Date')];
    for (const each of [date, attempt]) expect(Math.abs(Date.parse(each) - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    ['<a@b>', true],
    [`<${x(250)}>`, true],
    [`<${x(251)}>`, false],
    ['<abc>', true],
    ['<ab>', false],
    ['<a b>', false],
    ['<a<b>', false],
    ['x <a@b>', false],
    ['<a@b> x', false],
    ['<é@b>', false],
  ])('answers a message with the Message-ID %s: %s', (id, isThreaded) => {
    const text = withHeader(`Message-ID: ${id}`);
    for (const name of ['In-Reply-To', 'References']) expect(values(text, name)).toEqual(isThreaded ? [id] : []);
  });
});

describe('Foreign text has room in a report, and no more:', () => {
  /** How often `q` occurs in the header, the text for people, the fields for programs. */
  function room(change: Partial<DeliveryStatusFacts>): number[] {
    const parts = deliveryStatusMessage({ ...facts, ...change })
      .toString()
      .split('--b\r\n');
    return parts.slice(0, 3).map((part) => part.split('q').length - 1);
  }

  it.each<[string, Partial<DeliveryStatusFacts>, number[]]>([
    ['a subject', { originalHeaders: Buffer.from(`Subject: ${'q'.repeat(900)}\r\n\r\n`) }, [200, 300, 0]],
    ['a Message-ID', { originalHeaders: Buffer.from(`Message-ID: ${'q'.repeat(900)}\r\n\r\n`) }, [0, 300, 0]],
    ['an envelope identifier', { envid: 'q'.repeat(900) }, [0, 0, 100]],
    ['an address', { recipients: [{ ...recipient, address: 'q'.repeat(900) }] }, [0, 320, 320]],
    ['an original recipient', { recipients: [{ ...recipient, orcpt: `rfc822;${'q'.repeat(900)}` }] }, [0, 0, 493]],
    ['a diagnostic', { recipients: [{ ...recipient, diagnostic: `smtp;${'q'.repeat(3000)}` }] }, [0, 2000, 1995]],
    ['a remedy', { recipients: [{ ...recipient, remedy: 'q'.repeat(3000) }] }, [0, 2000, 0]],
  ])('%s', (_, change, expected) => {
    expect(room({})).toEqual([0, 0, 0]);
    expect(room(change)).toEqual(expected);
  });

  it('an encoded subject is read as far as 2,000 characters go', () => {
    const word = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
    const subject = Array.from({ length: 60 }, (_, index) => word(`Teil ${String(index).padStart(20, '0')}`)).join(' ');
    const text = withHeader(`Subject: ${subject}`);
    expect(text).toContain('Teil 00000000000000000010');
    expect(text).not.toContain('Teil 00000000000000000059');
  });
});
