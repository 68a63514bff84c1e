import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import { GraphCourier, type GraphCourierOptions } from '../../src/couriers/graph.ts';
import { GraphClient, type GraphClientOptions } from '../../src/graph/client.ts';
import type { Courier } from '../../src/queue/courier.ts';
import { type FakeGraph, fakeGraph, refusal } from '../graph/fake-graph.ts';
import { outgoing, patience } from './outgoing.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function graph(...script: Parameters<typeof fakeGraph>): Promise<FakeGraph> {
  const server = await fakeGraph(...script);
  closers.push(() => server.close());
  return server;
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
    ...options,
  }) satisfies Courier;
}

function mimeOf(server: FakeGraph, index = 0): string {
  return Buffer.from(server.arrived[index]!.body.toString(), 'base64').toString('latin1');
}

describe('A message handed to Graph', () => {
  it('is posted as base64 of its octets to sendMail of the mailbox', async () => {
    const server = await graph();
    const message = outgoing();
    const report = await courierTo(server).deliver({ ...message, mailbox: 'a/b?c#d@contoso.com' }, patience);
    expect(report).toEqual({
      recipients: [{ address: 'a@fabrikam.com', outcome: 'delivered', code: '202', text: '202 Accepted' }],
      upstreamId: 'request-1',
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
  });

  it('too large for one request is not tried', async () => {
    const server = await graph();
    const message = outgoing(`To: a@fabrikam.com\r\n\r\n${'x'.repeat(1000)}`);
    const report = await courierTo(server, { maxMimeBytes: 1000 }).deliver(message, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'message-too-large-for-graph' });
    expect(report.recipients[0]!.remedy).toMatch(/smtp/);
    expect(message.opened).toBe(0);
    expect(server.arrived).toHaveLength(0);
  });

  it('that grows too large by its Bcc field is not tried either', async () => {
    const server = await graph();
    const message = outgoing('To: a@fabrikam.com\r\n\r\nx', { recipients: ['a@fabrikam.com', 'hidden@fabrikam.com'] });
    const report = await courierTo(server, { maxMimeBytes: message.size }).deliver(message, patience);
    expect(report.recipients[1]).toMatchObject({ code: 'message-too-large-for-graph' });
  });
});

describe('The recipients of a message for Graph', () => {
  async function sent(header: string, recipients: string[], body = 'Body\r\n') {
    const server = await graph();
    const report = await courierTo(server).deliver(outgoing(`${header}\r\n${body}`, { recipients }), patience);
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
    const { mime } = await sent(header, ['a@fabrikam.com', 'hidden@fabrikam.com'], body);
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

  it('fewer than To and Cc name: nobody gets an unwanted copy, the way by SMTP is named', async () => {
    const { mime, report } = await sent('To: a@fabrikam.com, outsider@fabrikam.com\r\n', ['a@fabrikam.com']);
    expect(mime).toBeUndefined();
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'envelope-narrower-than-headers' });
    expect(report.recipients[0]!.text).toContain('outsider@fabrikam.com');
    expect(report.recipients[0]!.remedy).toMatch(/smtp/);
  });

  it('of a group without members are all hidden', async () => {
    const { mime } = await sent('To: undisclosed-recipients:;\r\n', ['a@fabrikam.com']);
    expect(mime).toBe('Bcc: a@fabrikam.com\r\nTo: undisclosed-recipients:;\r\n\r\nBody\r\n');
  });

  it('of a field that Graph may read otherwise are hidden as well, so that none is lost', async () => {
    const { mime } = await sent('To: Joe <a@fabrikam.com> stray words\r\n', ['a@fabrikam.com']);
    expect(mime).toMatch(/^Bcc: a@fabrikam\.com\r\nTo: Joe/);
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

  it('429 with a long Retry-After: the mailbox rests so long, and nothing is slept through', async () => {
    const server = await graph(() => refusal(429, 'ApplicationThrottled', { 'retry-after': '120' }));
    const report = await courierTo(server).deliver(outgoing(), patience);
    expect(report).toMatchObject({ pauseMailboxMs: 120_000, recipients: [{ outcome: 'temporary' }] });
    expect(server.arrived).toHaveLength(1);
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
  it('after the whole message: it may have been delivered', async () => {
    const server = await graph(() => 'cut');
    const report = await courierTo(server).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-ambiguous' });
    expect(server.arrived).toHaveLength(1);
  });

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
    const { createHttpClient } = await import('../../src/base/http.ts');
    const http = createHttpClient({ env: {} });
    closers.push(() => http.close());
    const report = await courierTo(server, {}, { http }).deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: 'upstream-certificate-untrusted' });
    expect(report.pauseMailboxMs).toBe(60_000);
  });

  it('when the attempt is given up: in doubt once all was sent', async () => {
    const giveUp = new AbortController();
    const server = await graph(() => {
      giveUp.abort();
      return new Promise(() => {});
    });
    const report = await courierTo(server).deliver(outgoing(), giveUp.signal);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-ambiguous' });
  });

  it('when the attempt was given up before it began', async () => {
    const server = await graph();
    const report = await courierTo(server).deliver(outgoing(), AbortSignal.abort());
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'delivery-aborted' });
    expect(server.arrived).toHaveLength(0);
  });
});

describe('The bridge itself fails', () => {
  it('to get a token, for now or until somebody acts', async () => {
    const server = await graph();
    const courier = (error: unknown) => courierTo(server, {}, { getToken: () => Promise.reject(error) });
    const busy = new BridgeError('token-temporarily-unavailable', 'Entra ID is busy.');
    const expired = new BridgeError('token-refused', 'AADSTS7000222: secret expired.');
    const wrong = new BridgeError('client-certificate-invalid', 'Not PEM.');
    const outcomes = [];
    for (const error of [busy, expired, wrong, new Error('a defect')]) {
      const report = await courier(error).deliver(outgoing(), patience);
      outcomes.push([report.recipients[0]!.outcome, report.recipients[0]!.code, report.pauseMailboxMs]);
    }
    expect(outcomes).toEqual([
      ['temporary', 'token-temporarily-unavailable', undefined],
      ['needs-admin', 'token-refused', 60_000],
      ['needs-admin', 'client-certificate-invalid', 60_000],
      ['temporary', 'token-temporarily-unavailable', undefined],
    ]);
  });

  it('to read the message: it is kept', async () => {
    const server = await graph();
    const message = { ...outgoing(), open: () => Readable.from(failing()) };
    const report = await courierTo(server).deliver(message, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'message-unreadable' });
  });

  it.each([-5, 5])('to read the message whole (%i octets off): nothing is sent', async (off) => {
    const server = await graph();
    const message = outgoing();
    const report = await courierTo(server).deliver({ ...message, size: message.size + off }, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'message-unreadable' });
    expect(server.arrived).toHaveLength(0);
  });
});

// biome-ignore lint/correctness/useYield: it fails before it has anything to give
async function* failing(): AsyncGenerator<Buffer> {
  throw new Error('EIO: the disk');
}
