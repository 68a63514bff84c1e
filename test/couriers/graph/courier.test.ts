import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { GraphCourier, type GraphCourierOptions } from '../../../src/couriers/graph/courier.ts';
import { GraphClient, type GraphClientOptions } from '../../../src/graph/client/client.ts';
import type { OutgoingMessage } from '../../../src/message/delivery.ts';
import type { Courier } from '../../../src/queue/courier.ts';
import { LeaseGuard } from '../../../src/queue/ownership/lease-guard.ts';
import { type FakeGraph, fakeGraph, refusal } from '../../graph/fake-graph.ts';
import { marker, outgoing, patience, plainMessage, unmarked } from '../outgoing.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function graph(...script: Parameters<typeof fakeGraph>): Promise<FakeGraph> {
  const server = await fakeGraph(...script);
  closers.push(() => server.close());
  return server;
}

/** No permission to send over SMTP. */
const closedSmtp: GraphCourierOptions['smtp'] = {
  isOpen: async () => false,
  deliver: () => Promise.reject(new Error('not by SMTP')),
};

/** SMTP that accepts everything. */
function openSmtp() {
  const taken: OutgoingMessage[] = [];
  return {
    taken,
    isOpen: async () => true,
    deliver: async (message: OutgoingMessage) => {
      taken.push(message);
      const verdict = { outcome: 'delivered', code: '2.0.0', text: '250 2.0.0 OK' } as const;
      return { recipients: message.envelope.recipients.map(({ address }) => ({ address, ...verdict })) };
    },
  };
}

function courierTo(
  server: FakeGraph,
  options: Partial<GraphCourierOptions> = {},
  client: Partial<GraphClientOptions> = {},
): GraphCourier {
  return new GraphCourier({
    client: new GraphClient({
      http: server.http,
      origin: server.origin,
      getToken: async () => 'token-1',
      retry: { mode: 'status-codes', statusCodes: [429, 503], maxAttempts: 3, waitMs: 1, multiplyWait: true },
      ...client,
    }),
    sendAs: 'mailbox',
    maxMimeBytes: 3_000_000,
    envelope: 'auto',
    marker,
    smtp: closedSmtp,
    ...options,
  }) satisfies Courier;
}

function mimeOf(server: FakeGraph, index = 0): string {
  return unmarked(Buffer.from(server.arrived[index]!.body.toString(), 'base64')).toString('latin1');
}

describe('A message handed to Graph', () => {
  it('is posted as base64 of its octets to sendMail of the mailbox', async () => {
    const server = await graph();
    const message = outgoing();
    const report = await courierTo(server).deliver({ ...message, mailbox: 'a/b?c#d@contoso.com' }, patience);
    expect(report).toEqual({
      recipients: [{ address: 'a@fabrikam.com', outcome: 'delivered', code: '202', text: '202 Accepted' }],
      upstreamId: 'request-1',
      copies: 1,
    });
    const [request] = server.arrived;
    expect(request).toMatchObject({ method: 'POST', url: '/v1.0/users/a%2Fb%3Fc%23d%40contoso.com/sendMail' });
    expect(request!.headers).toMatchObject({ 'content-type': 'text/plain', authorization: 'Bearer token-1' });
    expect(request!.body.toString()).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
    expect(mimeOf(server)).toBe(
      'From: Reports <reports@contoso.com>\r\nTo: a@fabrikam.com\r\nSubject: Hello\r\n\r\nHello there.\r\n',
    );
  });

  it('is posted to /me for a delegated token', async () => {
    const server = await graph();
    await courierTo(server, { sendAs: 'me' }).deliver(outgoing(), patience);
    expect(server.arrived[0]!.url).toBe('/v1.0/me/sendMail');
  });

  it.each([
    '\r\nÄÖÜ\r\n',
    '\r\n\x80\xff\x00\xfe\r\n',
    `\r\n${'y'.repeat(100_000)}\r\n`,
    '\r\n.\r\n..\r\n',
    '\r\nno line end',
    '\r\n',
  ])('arrives octet for octet: body %#', async (body) => {
    const server = await graph();
    const content = Buffer.from(`To: a@fabrikam.com\r\nSubject: x\r\n${body}`, 'latin1');
    await courierTo(server).deliver(outgoing(content), patience);
    expect(mimeOf(server)).toBe(content.toString('latin1'));
  });

  it('streams: of a large one, only a little is ever in memory', async () => {
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const head = Buffer.from('To: a@fabrikam.com\r\n\r\n');
    let produced = 0;
    let mostAhead = 0;
    let consumed = 0;
    const message = {
      ...outgoing(),
      size: head.length + 100 * piece.length,
      open: () =>
        Readable.from(
          (function* () {
            yield head;
            for (let n = 0; n < 100; n += 1) {
              produced += piece.length;
              mostAhead = Math.max(mostAhead, produced - consumed);
              yield piece;
            }
          })(),
          { objectMode: false },
        ),
    };
    const slow = await fakeGraph(undefined, (_count, request, response) => {
      request.on('data', (chunk: Buffer) => {
        consumed += (chunk.length / 4) * 3;
      });
      request.on('end', () => response.writeHead(202).end());
      return true;
    });
    closers.push(() => slow.close());
    const report = await courierTo(slow, { maxMimeBytes: 200_000_000 }).deliver(message, patience);
    expect(report.recipients[0]!.outcome).toBe('delivered');
    expect(produced).toBeGreaterThanOrEqual(100 * piece.length);
    expect(mostAhead).toBeLessThan(30 * piece.length);
  });

  it.each([200, 201, 204])('answered with %i is not sent, whatever it sounds like', async (status) => {
    const server = await graph(() => ({ status, headers: { 'request-id': 'r-1' } }));
    const report = await courierTo(server).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'graph-unexpected-status' });
    expect(report.recipients[0]!.text).toContain(String(status));
    expect(report.upstreamId).toBe('r-1');
    const asJson = await courierTo(server, { maxMimeBytes: 10 }).deliver(outgoing(), patience);
    expect(asJson.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'graph-unexpected-status' });
  });

  it('too large for one request as MIME is told as JSON, to the recipients of the envelope', async () => {
    const server = await graph();
    const content = `To: a@fabrikam.com, out@fabrikam.com\r\nSubject: Large\r\n\r\n${'x'.repeat(1000)}`;
    const message = outgoing(content, { recipients: ['a@fabrikam.com', 'hidden@fabrikam.com'] });
    const report = await courierTo(server, { maxMimeBytes: 1000 }).deliver(message, patience);
    expect(report.recipients).toMatchObject([{ outcome: 'delivered' }, { outcome: 'delivered' }]);
    expect(JSON.parse(server.arrived[0]!.body.toString())).toMatchObject({
      message: {
        subject: 'Large',
        toRecipients: [{ emailAddress: { address: 'a@fabrikam.com' } }],
        bccRecipients: [{ emailAddress: { address: 'hidden@fabrikam.com' } }],
        singleValueExtendedProperties: [{ value: marker.sealed('m1', message.envelope.recipients) }],
      },
    });
  });

  it('too large for one request as MIME, and refused as JSON, lacks Mail.Send: nobody is told of drafts', async () => {
    const server = await graph(() => refusal(403, 'ErrorAccessDenied'));
    const smtp = openSmtp();
    const message = outgoing(`To: a@fabrikam.com\r\n\r\n${'x'.repeat(1000)}`);
    const report = await courierTo(server, { maxMimeBytes: 1000, smtp }).deliver(message, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: 'ErrorAccessDenied' });
    expect(report.recipients[0]!.remedy).toContain('Grant the application Mail.Send');
    expect(smtp.taken).toEqual([]);
    expect(server.arrived.map(({ url }) => url)).toEqual(['/v1.0/users/reports%40contoso.com/sendMail']);
  });

  it('too large for one request even as JSON, where drafts are closed to us, goes by SMTP or says what is missing', async () => {
    const server = await graph(() => refusal(403, 'ErrorAccessDenied'));
    const file = Buffer.alloc(4_000_000, 'large ').toString('base64').replace(/.{76}/g, '$&\r\n');
    const header = 'To: a@fabrikam.com\r\nContent-Type: multipart/mixed; boundary=b\r\n';
    const part = 'Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64';
    const message = outgoing(
      `${header}\r\n--b\r\nContent-Type: text/plain\r\n\r\nHi.\r\n--b\r\n${part}\r\n\r\n${file}\r\n--b--\r\n`,
    );
    const closed = await courierTo(server).deliver(message, patience);
    expect(closed.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'message-not-sendable-by-graph' });
    expect(closed.recipients[0]!.text).toContain('may not make drafts (Mail.ReadWrite)');
    const smtp = openSmtp();
    await courierTo(server, { smtp }).deliver(message, patience);
    expect(smtp.taken).toEqual([message]);
    expect(new Set(server.arrived.map(({ url }) => url))).toEqual(
      new Set(['/v1.0/users/reports%40contoso.com/messages']),
    );
  });

  const signed = [
    'To: a@fabrikam.com',
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'x'.repeat(1000),
    '--b',
    'Content-Type: application/pkcs7-signature; name=smime.p7s',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--b--',
    '',
  ].join('\r\n');

  it('too large for one request, and signed, goes by SMTP where that is open', async () => {
    const server = await graph();
    const message = outgoing(signed);
    const smtp = openSmtp();
    const report = await courierTo(server, { maxMimeBytes: 1000, smtp }).deliver(message, patience);
    expect(report.recipients).toMatchObject([{ outcome: 'delivered', code: '2.0.0' }]);
    expect(smtp.taken).toEqual([message]);
    expect(server.arrived).toHaveLength(0);
  });

  it('too large for one request, and signed, is failed permanently where SMTP is closed; the remedy says what opens it', async () => {
    const server = await graph();
    const report = await courierTo(server, { maxMimeBytes: 1000 }).deliver(outgoing(signed), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'message-not-sendable-by-graph' });
    expect(report.recipients[0]!.text).toMatch(/because it is signed/);
    expect(report.recipients[0]!.remedy).toMatch(/SMTP\.SendAsApp/);
    expect(server.arrived).toHaveLength(0);
  });
});

describe('The recipients of a message for Graph', () => {
  async function sent(
    header: string,
    recipients: string[],
    { body = 'Body\r\n', ...options }: Partial<GraphCourierOptions> & { body?: string } = {},
  ) {
    const server = await graph();
    const report = await courierTo(server, options).deliver(outgoing(`${header}\r\n${body}`, { recipients }), patience);
    return { report, mime: server.arrived.length > 0 ? mimeOf(server) : undefined };
  }

  it('that To and Cc name need nothing', async () => {
    const header = 'To: "Doe, Joe" <Joe@Fabrikam.com>\r\nCc: b@fabrikam.com,\r\n c@fabrikam.com\r\n';
    const { mime } = await sent(header, ['joe@fabrikam.com', 'b@fabrikam.com', 'c@fabrikam.com']);
    expect(mime).toBe(`${header}\r\nBody\r\n`);
  });

  it('that the header does not name go into one Bcc field at the top', async () => {
    const header = 'From: reports@contoso.com\r\nTo: a@fabrikam.com\r\nSubject: x\r\n';
    const { mime, report } = await sent(header, ['a@fabrikam.com', 'h1@fabrikam.com', 'h2@fabrikam.com']);
    expect(mime).toBe(`Bcc: h1@fabrikam.com,\r\n h2@fabrikam.com\r\n${header}\r\nBody\r\n`);
    expect(report.recipients.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('a lone hidden one is reached, with no To at all', async () => {
    const { mime } = await sent('Subject: x\r\n', ['hidden@fabrikam.com']);
    expect(mime).toBe('Bcc: hidden@fabrikam.com\r\nSubject: x\r\n\r\nBody\r\n');
  });

  it('a Bcc that came along is replaced by what the envelope says', async () => {
    const header = 'To: a@fabrikam.com\r\nbcc: stale@fabrikam.com,\r\n other@fabrikam.com\r\nSubject: x\r\n';
    const { mime } = await sent(header, ['a@fabrikam.com', 'hidden@fabrikam.com']);
    expect(mime).toBe('Bcc: hidden@fabrikam.com\r\nTo: a@fabrikam.com\r\nSubject: x\r\n\r\nBody\r\n');
  });

  it('a Bcc that came along is dropped where the envelope has nobody to hide', async () => {
    const { mime } = await sent('To: a@fabrikam.com\r\nBcc: stale@fabrikam.com\r\n', ['a@fabrikam.com']);
    expect(mime).toBe('To: a@fabrikam.com\r\n\r\nBody\r\n');
  });

  it('never get into the parts of the body', async () => {
    const body = [
      '--b',
      'Content-Type: message/rfc822',
      '',
      'To: inner@fabrikam.com',
      'Bcc: inner-hidden@fabrikam.com',
      '',
      'Inner',
      '--b',
      'Content-Type: text/plain',
      '',
      'Text',
      '--b--',
      '',
    ].join('\r\n');
    const header = 'To: a@fabrikam.com\r\nContent-Type: multipart/mixed; boundary=b\r\n';
    const { mime } = await sent(header, ['a@fabrikam.com', 'hidden@fabrikam.com'], { body });
    expect(mime).toBe(`Bcc: hidden@fabrikam.com\r\n${header}\r\n${body}`);
  });

  it('500 hidden ones stand in one folded field of short lines', async () => {
    const recipients = Array.from({ length: 500 }, (_, n) => `hidden${n}@fabrikam.com`);
    const { mime } = await sent('Subject: x\r\n', recipients);
    const header = mime!.slice(0, mime!.indexOf('\r\n\r\n'));
    expect(header.match(/^Bcc:/gim)).toHaveLength(1);
    expect(Math.max(...header.split('\r\n').map((line) => line.length))).toBeLessThan(78);
    for (const recipient of recipients) expect(header).toContain(recipient);
  });

  describe('fewer than To and Cc name', () => {
    const header =
      'To: a@fabrikam.com, "Out, Sider" <outsider@fabrikam.com>\r\nCc: other@fabrikam.com\r\nSubject: x\r\n';

    it('go by SMTP, which keeps to the envelope, where that is open', async () => {
      const smtp = openSmtp();
      const { mime, report } = await sent(header, ['a@fabrikam.com'], { smtp });
      expect(report.recipients).toMatchObject([{ outcome: 'delivered', code: '2.0.0' }]);
      expect(smtp.taken).toHaveLength(1);
      expect(mime).toBeUndefined();
    });

    it.each(['auto', 'rewrite'] as const)(
      'with "%s" and SMTP closed: To and Cc are cut down to them',
      async (envelope) => {
        const { mime, report } = await sent(header, ['A@fabrikam.com', 'hidden@fabrikam.com'], { envelope });
        expect(report.recipients.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered']);
        expect(mime).toBe(
          [
            'Bcc: hidden@fabrikam.com',
            'Subject: x',
            'X-Mailbridge-To: a@fabrikam.com, "Out, Sider" <outsider@fabrikam.com>',
            'To: a@fabrikam.com',
            'X-Mailbridge-Cc: other@fabrikam.com',
            '',
            'Body',
            '',
          ].join('\r\n'),
        );
      },
    );

    it('with "rewrite" do not ask for SMTP', async () => {
      const { mime } = await sent(header, ['a@fabrikam.com'], { envelope: 'rewrite', smtp: openSmtp() });
      expect(mime).toMatch(/^To: a@fabrikam\.com\r\n/m);
    });

    it('with "smtp" go that way, open or not', async () => {
      const smtp = { ...openSmtp(), isOpen: async () => false };
      await sent(header, ['a@fabrikam.com'], { envelope: 'smtp', smtp });
      expect(smtp.taken).toHaveLength(1);
    });

    it('with "refuse" are not served at all, and the way out is named', async () => {
      const { mime, report } = await sent(header, ['a@fabrikam.com'], { envelope: 'refuse', smtp: openSmtp() });
      expect(mime).toBeUndefined();
      expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'envelope-narrower-than-headers' });
      expect(report.recipients[0]!.text).toContain('outsider@fabrikam.com');
      expect(report.recipients[0]!.remedy).toMatch(/smtp/);
    });
  });

  it('above 500 are told in several requests, none of them twice, and each sees no more than before', async () => {
    const recipients = Array.from({ length: 1201 }, (_, n) => `hidden${n}@fabrikam.com`);
    const server = await graph();
    const report = await courierTo(server).deliver(outgoing('Subject: x\r\n\r\n', { recipients }), patience);
    expect(report.recipients.map(({ outcome }) => outcome)).toEqual(recipients.map(() => 'delivered'));
    const told = server.arrived.map((_, index) => mimeOf(server, index).match(/hidden\d+@fabrikam\.com/g) ?? []);
    expect(told.map(({ length }) => length)).toEqual([500, 500, 201]);
    expect(told.flat()).toEqual(recipients);
  });

  it('of several requests: those before a failure keep the message, those behind it wait', async () => {
    const recipients = Array.from({ length: 1100 }, (_, n) => `hidden${n}@fabrikam.com`);
    const server = await graph((count) => (count === 2 ? refusal(500, 'SomethingNew') : { status: 202 }));
    const report = await courierTo(server).deliver(outgoing('Subject: x\r\n\r\n', { recipients }), patience);
    const outcomes = (from: number, to: number) =>
      new Set(report.recipients.slice(from, to).map(({ outcome, code }) => `${outcome} ${code}`));
    expect(outcomes(0, 500)).toEqual(new Set(['delivered 202']));
    expect(outcomes(500, 1000)).toEqual(new Set(['temporary SomethingNew']));
    expect(outcomes(1000, 1100)).toEqual(new Set(['temporary delivery-aborted']));
    expect(server.arrived).toHaveLength(2);
  });

  it('of a group without members are all hidden', async () => {
    const { mime } = await sent('To: undisclosed-recipients:;\r\n', ['a@fabrikam.com']);
    expect(mime).toBe('Bcc: a@fabrikam.com\r\nTo: undisclosed-recipients:;\r\n\r\nBody\r\n');
  });

  it('of a field that Graph may read otherwise stand in a new one', async () => {
    const { mime } = await sent('To: Joe <a@fabrikam.com> stray words\r\n', ['a@fabrikam.com']);
    expect(mime).toBe('X-Mailbridge-To: Joe <a@fabrikam.com> stray words\r\nTo: Joe <a@fabrikam.com>\r\n\r\nBody\r\n');
  });

  it('a Resent-Bcc that came along is dropped', async () => {
    const { mime } = await sent('To: a@fabrikam.com\r\nResent-Bcc: stale@fabrikam.com\r\n', ['a@fabrikam.com']);
    expect(mime).toBe('To: a@fabrikam.com\r\n\r\nBody\r\n');
  });

  it('stand after a header of a megabyte: refused, with the remedy', async () => {
    const header = `To: a@fabrikam.com\r\n${`X-Long: ${'x'.repeat(70)}\r\n`.repeat(15_000)}`;
    const { mime, report } = await sent(header, ['a@fabrikam.com']);
    expect(mime).toBeUndefined();
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'header-too-large-for-graph' });
  });
});

describe('Graph refuses', () => {
  it.each<[number, string, string, number | undefined]>([
    [403, 'ErrorSendAsDenied', 'permanent', undefined],
    [400, 'ErrorInvalidRecipients', 'permanent', undefined],
    [400, 'ErrorMimeContentInvalidBase64String', 'permanent', undefined],
    [400, 'ErrorMimeContentInvalid', 'permanent', undefined],
    [413, 'ErrorMessageSizeExceeded', 'permanent', undefined],
    [400, 'SomethingNew', 'permanent', undefined],
    [403, 'ErrorAccessDenied', 'needs-admin', 60_000],
    [403, 'Authorization_RequestDenied', 'needs-admin', 60_000],
    [403, 'SomethingNew', 'needs-admin', 60_000],
    [404, 'ErrorInvalidUser', 'needs-admin', 60_000],
    [404, 'ErrorItemNotFound', 'needs-admin', 60_000],
    [404, 'ResourceNotFound', 'needs-admin', 60_000],
    [404, 'Request_ResourceNotFound', 'needs-admin', 60_000],
    [404, 'MailboxNotEnabledForRESTAPI', 'needs-admin', 60_000],
    [404, 'MailboxNotSupportedForRESTAPI', 'needs-admin', 60_000],
    [401, 'InvalidAuthenticationToken', 'needs-admin', 60_000],
    [401, 'CompactToken parsing failed with error code: 80049217', 'needs-admin', 60_000],
    [507, 'ErrorQuotaExceeded', 'needs-admin', 600_000],
    [403, 'ErrorAccountSuspend', 'needs-admin', 900_000],
    [429, 'ErrorExceededMessageLimit', 'temporary', 3_600_000],
    [429, 'ApplicationThrottled', 'temporary', 30_000],
    [429, 'TooManyRequests', 'temporary', 30_000],
    [503, 'ErrorMailboxMoveInProgress', 'temporary', 300_000],
    [503, 'ErrorServerBusy', 'temporary', 30_000],
    [503, 'ServiceUnavailable', 'temporary', undefined],
    [500, 'SomethingNew', 'temporary', undefined],
  ])('%i %s: %s', async (status, code, outcome, pauseMailboxMs) => {
    const server = await graph(() => refusal(status, code));
    const message = outgoing(undefined, { recipients: ['a@fabrikam.com', 'b@fabrikam.com'] });
    const report = await courierTo(server).deliver(message, patience);
    expect(report.recipients.map(({ address }) => address)).toEqual(['a@fabrikam.com', 'b@fabrikam.com']);
    for (const recipient of report.recipients) {
      expect(recipient).toMatchObject({ outcome, code, text: `${status} ${code}: Words about ${code}.` });
      if (outcome === 'needs-admin') expect(recipient.remedy).toBeTruthy();
    }
    expect(report.pauseMailboxMs).toBe(pauseMailboxMs);
    expect(report.upstreamId).toBe('inner-request');
  });

  it('504: it may have been sent, and is not sent again at once', async () => {
    const server = await graph(() => refusal(504, 'GatewayTimeout'));
    const report = await courierTo(server).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-ambiguous' });
    expect(report.recipients[0]!.text).toMatch(/may have been delivered.*504/);
    expect(server.arrived).toHaveLength(1);
  });
});

describe('Graph does not answer', () => {
  it('in the middle of the message: it was not delivered', async () => {
    const server = await graph(undefined, (_count, request) => {
      request.once('data', () => request.socket.destroy());
      return true;
    });
    const large = outgoing(`To: a@fabrikam.com\r\n\r\n${'x'.repeat(40_000_000)}`);
    const report = await courierTo(server, { maxMimeBytes: 50_000_000 }).deliver(large, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-connection-lost' });
  });

  it('because its certificate is not trusted: an administrator is needed', async () => {
    const server = await graph();
    const { createHttpClient } = await import('../../../src/base/http/client.ts');
    const http = createHttpClient({ env: {} });
    closers.push(() => http.close());
    const report = await courierTo(server, {}, { http }).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: 'upstream-certificate-untrusted' });
    expect(report.pauseMailboxMs).toBe(60_000);
  });
});

describe('A message whose lease is lost', () => {
  /** Guarded by a lease that holds for this many checks. */
  function guarded(content: string | Buffer, holdsFor: number) {
    const message = outgoing(content);
    let asked = 0;
    const guard = new LeaseGuard({ key: 'contoso/a', fence: 1, sinceMs: 0 }, { holds: () => asked++ < holdsFor });
    return guard.guarded(message, () => message.open());
  }

  it('is not posted, though it was read before', async () => {
    const server = await graph();
    const report = await courierTo(server).deliver(guarded(plainMessage, 1), patience);
    expect(report).toMatchObject({ recipients: [{ outcome: 'temporary', code: 'lease-lost' }] });
    expect(report.trouble).toBeUndefined();
    expect(server.arrived).toEqual([]);
  });

  it('is not posted again after a first try that was refused', async () => {
    const server = await graph(() => refusal(429, 'TooManyRequests'));
    const report = await courierTo(server).deliver(guarded('To: a@fabrikam.com\r\n\r\nx\r\n', 2), patience);
    expect(report).toMatchObject({ recipients: [{ code: 'lease-lost' }] });
    expect(server.arrived).toHaveLength(1);
  });

  it('is broken off before its end, where it was lost on the way', async () => {
    const server = await graph();
    const large = `To: a@fabrikam.com\r\n\r\n${'x'.repeat(2_000_000)}`;
    // The header is read, but not its end; the request may begin but not end.
    const report = await courierTo(server).deliver(guarded(large, 1), patience);
    expect(report).toMatchObject({ recipients: [{ outcome: 'temporary', code: 'lease-lost' }] });
    expect(report.trouble).toBeUndefined();
    expect(server.arrived).toEqual([]);
  });
});
