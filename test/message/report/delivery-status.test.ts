import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { HeaderBlock } from '../../../src/message/header/fields.ts';
import { CrlfChecker } from '../../../src/message/line-ends.ts';
import { deliveryStatusMessage } from '../../../src/message/report/delivery-status.ts';
import type { DeliveryStatusFacts } from '../../../src/message/report/facts.ts';

const facts: DeliveryStatusFacts = {
  reportingMta: 'bridge.local',
  from: 'mailer-daemon@contoso.com',
  to: 'scanner@contoso.com',
  envid: 'job-17',
  arrivalDate: new Date('2026-01-05T07:08:09Z'),
  originalHeaders: Buffer.from(
    'Subject: Scan 17\r\nMessage-ID: <17@mfp>\r\nTo: bob@contoso.com\r\n\r\nthe secret body\r\n',
  ),
  recipients: [
    {
      address: 'bob@contoso.com',
      orcpt: 'rfc822;bobby@contoso.com',
      action: 'failed',
      status: '5.7.60',
      diagnostic: 'smtp; 550 5.7.60 SMTP; Client does not have permissions to send as this sender',
      remedy: 'Give the mailbox Send As on this address.',
    },
  ],
  remoteMta: 'smtp.office365.com',
  date: new Date('2026-01-05T08:00:00Z'),
  messageId: '<report-1@bridge.local>',
  boundary: '=_b',
};

interface Seen {
  readonly headers: Record<string, string>;
  readonly types: string[];
  readonly text: string;
  readonly status: Record<string, string>[];
  readonly returned: string;
  readonly defects: string[];
}

const reader = `
import sys, json, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.SMTPUTF8)
parts = list(m.iter_parts())
walk = lambda p: [repr(d) for d in p.defects] + [d for q in (p.iter_parts() if p.is_multipart() else []) for d in walk(q)]
status = parts[1].get_payload()
if isinstance(status, str):
    raw = parts[1].get_payload(decode=True)
    status = [email.message_from_bytes(b, policy=email.policy.SMTPUTF8) for b in raw.split(b'\\r\\n\\r\\n')]
print(json.dumps({
  'headers': {k.lower(): str(v) for k, v in m.items()},
  'types': [m.get_content_type()] + [p.get_content_type() for p in parts],
  'text': parts[0].get_content(),
  'status': [{k: str(v) for k, v in p.items()} for p in status],
  'returned': parts[2].get_payload(decode=True).decode('utf-8', 'replace'),
  'defects': walk(m),
}))`;

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('python3 is not here: reports are not read by its email package.');

function readByPython(report: Buffer): Seen {
  const { stdout, stderr } = spawnSync('python3', ['-c', reader], { input: report, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Seen;
}

/** CRLF throughout, no line over 998 octets, and the header ends where it should. */
function expectSound(report: Buffer): HeaderBlock {
  const checker = new CrlfChecker();
  checker.push(report);
  checker.end();
  expect(checker.endsWithCrlf).toBe(true);
  const longest = Math.max(
    ...report
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.length),
  );
  expect(longest).toBeLessThanOrEqual(998);
  const header = HeaderBlock.parse(report);
  expect(header.fields.map((field) => field.name).filter((name) => !/^(In-Reply-To|References)$/.test(name))).toEqual([
    'Date',
    'From',
    'To',
    'Subject',
    'Message-ID',
    'Auto-Submitted',
    'MIME-Version',
    'Content-Type',
  ]);
  return header;
}

describe('a delivery report', () => {
  it('reads like this', () => {
    expect(deliveryStatusMessage(facts).toString().split('\r\n')).toEqual([
      'Date: Mon, 05 Jan 2026 08:00:00 +0000',
      'From: Mail Delivery System <mailer-daemon@contoso.com>',
      'To: <scanner@contoso.com>',
      'Subject: Undeliverable: Scan 17',
      'Message-ID: <report-1@bridge.local>',
      'In-Reply-To: <17@mfp>',
      'References: <17@mfp>',
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status;',
      ' boundary="=_b"',
      '',
      'This is a delivery report in MIME format.',
      '--=_b',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 7bit',
      '',
      'This is mailbridge on bridge.local. It accepted this message for Microsoft 365:',
      '',
      '  Subject: Scan 17',
      '  Accepted: Mon, 05 Jan 2026 07:08:09 +0000',
      '  Message-ID: <17@mfp>',
      '',
      'It could NOT be delivered to these recipients, and will not be tried again:',
      '',
      '  <bob@contoso.com>',
      '    Microsoft 365 answered: 550 5.7.60 SMTP; Client does not have permissions to',
      '      send as this sender',
      '    What to do: Give the mailbox Send As on this address.',
      '',
      'The header of the message is attached.',
      '',
      '--=_b',
      'Content-Type: message/delivery-status',
      'Content-Transfer-Encoding: 7bit',
      '',
      'Reporting-MTA: dns; bridge.local',
      'Original-Envelope-Id: job-17',
      'Arrival-Date: Mon, 05 Jan 2026 07:08:09 +0000',
      '',
      'Original-Recipient: rfc822;bobby@contoso.com',
      'Final-Recipient: rfc822; bob@contoso.com',
      'Action: failed',
      'Status: 5.7.60',
      'Remote-MTA: dns; smtp.office365.com',
      'Diagnostic-Code: smtp; 550 5.7.60 SMTP; Client does not have permissions to',
      ' send as this sender',
      'Last-Attempt-Date: Mon, 05 Jan 2026 08:00:00 +0000',
      '',
      '--=_b',
      'Content-Type: text/rfc822-headers',
      'Content-Transfer-Encoding: 7bit',
      '',
      'Subject: Scan 17',
      'Message-ID: <17@mfp>',
      'To: bob@contoso.com',
      '',
      '--=_b--',
      '',
    ]);
  });

  it('is understood by postal-mime, and holds nothing of the body', async () => {
    const report = deliveryStatusMessage(facts);
    const email = await PostalMime.parse(report);
    expect(email).toMatchObject({ subject: 'Undeliverable: Scan 17', inReplyTo: '<17@mfp>' });
    expect(email.text).toContain('Client does not have permissions');
    expect(report.includes('secret body')).toBe(false);
  });

  it('says in words and in fields that a message is only late', () => {
    const recipient = {
      address: 'a@b.c',
      action: 'delayed',
      status: '4.4.7',
      diagnostic: 'x-graph; ErrorServerBusy',
    } as const;
    const willRetryUntil = new Date('2026-01-07T00:00:00Z');
    const report = deliveryStatusMessage({ ...facts, recipients: [recipient], willRetryUntil }).toString();
    expect(report).toContain('Subject: Delayed: Scan 17');
    expect(report).toContain('NOT YET');
    expect(report).not.toContain('could NOT be delivered');
    expect(report).toContain('Action: delayed\r\nStatus: 4.4.7\r\n');
    expect(report).toContain('Will-Retry-Until: Wed, 07 Jan 2026 00:00:00 +0000');
  });

  it('needs a recipient', () => {
    expect(() => deliveryStatusMessage({ ...facts, recipients: [] })).toThrow(RangeError);
  });

  it('returns 64 KiB of the header at most, whole fields only', () => {
    const field = `X-Filler: ${'x'.repeat(987)}\r\n`;
    const originalHeaders = Buffer.from(`Subject: big\r\n${field.repeat(2000)}\r\nbody`);
    const report = deliveryStatusMessage({ ...facts, originalHeaders });
    expectSound(report);
    expect(report.length).toBeGreaterThan(62 * 1024);
    expect(report.length).toBeLessThan(68 * 1024);
    expect(
      report
        .toString()
        .split('X-Filler: ')
        .slice(1)
        .every((piece) => piece.startsWith('x'.repeat(987))),
    ).toBe(true);
  });

  it('makes do with a message that has no header at all', () => {
    const report = deliveryStatusMessage({ ...facts, originalHeaders: Buffer.from('just text\r\n') });
    expectSound(report);
    expect(report.toString()).toContain('Subject: Undeliverable: (no subject)\r\n');
    expect(report.toString()).not.toContain('In-Reply-To');
    expect(report.toString()).not.toContain('just text');
  });

  it('shows an encoded subject decoded to people', async () => {
    const originalHeaders = Buffer.from('Subject: =?iso-8859-1?Q?Gr=FC=DFe_an?=\r\n =?utf-8?B?IMOfIA==?= x\r\n\r\n');
    const email = await PostalMime.parse(deliveryStatusMessage({ ...facts, originalHeaders }));
    expect(email.subject).toBe('Undeliverable: Grüße an ß  x');
    expect(email.text).toContain('Subject: Grüße an ß  x');
  });

  it('cannot be broken out of, whatever the facts hold', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(
        'x\r\nBcc: a@b',
        'x\n\n--=_b\n',
        '--=_b--',
        '\r',
        '\0',
        'é'.repeat(3000),
        'y'.repeat(5000),
        'a\u2028b\u0085c',
        '\ud800',
        '',
      ),
      fc.constantFrom('smtp; 550 x\r\n.\r\nMAIL FROM:<>', 'a@é.com', '=?utf-8?B?DQpCY2M6IHg=?=', ' '.repeat(1000)),
    );
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 13, maxLength: 13 }), fc.boolean(), (texts, delayed) => {
        const [mta = '', from = '', to = '', envid = '', remote = '', subject = '', id = '', junk = ''] = texts;
        const [address = '', orcpt = '', status = '', diagnostic = '', remedy = ''] = texts.slice(8);
        const report = deliveryStatusMessage({
          ...facts,
          reportingMta: mta,
          from,
          to,
          envid,
          remoteMta: remote,
          originalHeaders: Buffer.from(`Subject: ${subject}\r\nMessage-ID: ${id}\r\n${junk}`),
          recipients: [
            { address, orcpt: `rfc822;${orcpt}`, action: delayed ? 'delayed' : 'failed', status, diagnostic, remedy },
          ],
          boundary: '=_a-boundary-nobody-can-guess',
        });
        expectSound(report);
        const lines = report.toString('latin1').split('\r\n');
        expect(lines.filter((line) => line.startsWith('--=_a-boundary'))).toHaveLength(4);
        const statusStart = lines.findIndex((line) => line.startsWith('Reporting-MTA:'));
        const statusFields = lines.slice(statusStart, lines.indexOf('--=_a-boundary-nobody-can-guess', statusStart));
        for (const line of statusFields) {
          expect(line).toMatch(
            /^$|^ \S|^(Reporting-MTA|Original-Envelope-Id|Arrival-Date|Original-Recipient|Final-Recipient|Action|Status|Remote-MTA|Diagnostic-Code|Last-Attempt-Date): \S/,
          );
        }
        expect(statusFields.filter((line) => line === '')).toHaveLength(2);
      }),
      { numRuns: 500 },
    );
  });
});

describe.skipIf(!hasPython)('a delivery report, read by the email package of Python', () => {
  it('is a report without defects', () => {
    const seen = readByPython(deliveryStatusMessage(facts));
    expect(seen.defects).toEqual([]);
    expect(seen.types).toEqual(['multipart/report', 'text/plain', 'message/delivery-status', 'text/rfc822-headers']);
    expect(seen.headers).toMatchObject({ 'auto-submitted': 'auto-replied', references: '<17@mfp>' });
    expect(seen.status[1]).toMatchObject({
      'Final-Recipient': 'rfc822; bob@contoso.com',
      Action: 'failed',
      Status: '5.7.60',
    });
    expect(seen.returned.trim().split(/\r?\n/)).toEqual([
      'Subject: Scan 17',
      'Message-ID: <17@mfp>',
      'To: bob@contoso.com',
    ]);
  });

  it('keeps UTF-8 in its subject, its text and the header it returns', () => {
    const subject = 'Grüße an alle: '.repeat(8).trim();
    const diagnostic = 'smtp; 550 Benutzer „Bob“ gibt es nicht';
    const seen = readByPython(
      deliveryStatusMessage({
        ...facts,
        originalHeaders: Buffer.from(`Subject: ${subject}\r\nX-Long: ${'é'.repeat(2000)}\r\n\r\n`),
        recipients: [{ address: 'bob@contoso.com', action: 'failed', status: '5.1.1', diagnostic }],
      }),
    );
    expect(seen.defects).toEqual([]);
    expect(seen.headers.subject).toBe(`Undeliverable: ${subject}`);
    expect(seen.text).toContain('Benutzer „Bob“ gibt es nicht');
    expect(seen.returned).toContain(`Subject: ${subject}`);
    expect(seen.returned).toContain(`X-Long: ${'é'.repeat(2000)}`);
    expect(seen.status[1]?.['Diagnostic-Code']).toBe('smtp; 550 Benutzer ?Bob? gibt es nicht');
  });

  it('is a global report where an address is not ASCII', () => {
    const recipients = [
      { address: 'müller@contoso.com', action: 'failed', status: '5.1.1', diagnostic: 'smtp; 550 nö' },
      { address: 'bob@contoso.com', action: 'failed', status: '5.1.1', diagnostic: 'smtp; 550 no' },
    ] as const;
    const report = deliveryStatusMessage({ ...facts, recipients });
    expect(readByPython(report).types).toContain('message/global-delivery-status');
    expect(report.toString()).toContain('Final-Recipient: utf-8; müller@contoso.com\r\n');
    expect(report.toString()).toContain('Diagnostic-Code: smtp; 550 nö\r\n');
    expect(report.toString()).toContain('Final-Recipient: rfc822; bob@contoso.com\r\n');
  });
});

it('A bridge whose own name cannot be written is localhost in its reports', () => {
  const report = deliveryStatusMessage({ ...facts, reportingMta: 'é' }).toString('latin1');
  expect(report).toContain('This is mailbridge on localhost.');
  expect(report).toContain('Reporting-MTA: dns; localhost\r\n');
});
