import { describe, expect, test } from 'vitest';
import { mayUseReversePath } from '../../src/accounts/sender-rules.ts';
import { acceptedHeader } from '../../src/app/accepted-header.ts';
import { HeaderBlock } from '../../src/message/headers.ts';
import { SmtpReply } from '../../src/smtp/session.ts';

const senders = ['reports@contoso.example', '*@devices.contoso.example'];

function accept(header: string): string {
  const block = HeaderBlock.parse(Buffer.from(header));
  const edited = acceptedHeader(block, {
    account: {
      username: 'scanner',
      connection: 'contoso',
      mailbox: 'reports@contoso.example',
      send: 'graph',
      delivery: 'queued',
      maySendAs: (address) => mayUseReversePath(senders, address),
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
  return (edited ?? block.raw).toString();
}

const complete =
  'Date: Mon, 05 Jan 2026 07:00:00 +0000\r\nMessage-ID: <1@x>\r\nFrom: Scan <reports@contoso.example>\r\nSubject: x\r\n';
const received =
  'Received: from mfp-2nd-floor ([192.0.2.7])\r\n\tby bridge.contoso.example\r\n\twith ESMTPSA id q1; Mon, 05 Jan 2026 08:00:00 +0000\r\n';

describe('the header of an accepted message', () => {
  test('gains a Received field and keeps every octet otherwise', () => {
    expect(accept(`${complete}\r\n`)).toBe(`${received}${complete}\r\n`);
  });

  test('gains Date and Message-ID where they are missing', () => {
    expect(accept('From: reports@contoso.example\r\n\r\n')).toMatch(
      /^Received: .*\r\n\t.*\r\n\t.*\r\nFrom: reports@contoso\.example\r\nDate: Mon, 05 Jan 2026 08:00:00 \+0000\r\nMessage-ID: <[\w-]+@contoso\.example>\r\n\r\n$/,
    );
  });

  test('loses Bcc: the envelope has it', () => {
    const header = accept(`${complete}Bcc: boss@contoso.example,\r\n  eve@x.example\r\nX-Last: y\r\n\r\n`);
    expect(header).toBe(`${received}${complete}X-Last: y\r\n\r\n`);
  });

  test.each(['', 'From:\r\n', 'From: Scanner\r\n', 'From: <>\r\n', 'From: "reports@contoso.example"\r\n'])(
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
});
