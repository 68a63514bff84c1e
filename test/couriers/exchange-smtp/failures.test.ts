import { afterEach, describe, expect, it } from 'vitest';
import { KeyedSemaphore } from '../../../src/base/semaphore.ts';
import { ExchangeSmtpCourier, type ExchangeSmtpCourierOptions } from '../../../src/couriers/exchange-smtp/courier.ts';
import { copyNotes, marker, outgoing, patience } from '../outgoing.ts';
import { type Script, type ScriptedSmtp, type Step, scriptedSmtp } from '../scripted-smtp.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function upstream(script?: Script, options: Partial<ExchangeSmtpCourierOptions> = {}) {
  const server = await scriptedSmtp(script);
  const courier = new ExchangeSmtpCourier({
    endpoint: { host: '127.0.0.1', port: server.port, security: 'none' },
    getToken: async () => 'token-1',
    marker,
    copies: copyNotes(),
    permits: new KeyedSemaphore(3),
    ...options,
  });
  closers.push(async () => {
    await courier.close();
    await server.close();
  });
  return { server, courier };
}

const large = `Subject: large\r\n\r\n${'0123456789abcde\r\n'.repeat(600_000)}`;

function verbs(server: ScriptedSmtp): string[] {
  return server.lines.map((line) => line.split(/[ :]/)[0] ?? '');
}

describe('The connection is cut', () => {
  const earlySteps: Step[] = ['connect', 'EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA'];

  it.each(earlySteps)('at %s: temporary, and nothing was delivered', async (at) => {
    const { server, courier } = await upstream((step) => (step === at ? 'cut' : undefined));
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients).toEqual([
      expect.objectContaining({ outcome: 'temporary', code: 'upstream-connection-lost' }),
    ]);
    expect(report.pauseMailboxMs).toBeUndefined();
    expect(server.connections).toBe(1);
  });

  it('in the middle of the message: temporary, not ambiguous', async () => {
    const { server, courier } = await upstream((step) => (step === 'body' ? 'cut' : undefined));
    const report = await courier.deliver(outgoing(large), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-connection-lost' });
    expect(server.messages).toHaveLength(0);
    expect(server.connections).toBe(1);
  });

  it('after the final dot, one recipient refused: it is noted whom the copy was for', async () => {
    const copies = copyNotes();
    const script: Script = (step, { line }) => {
      if (step === 'RCPT' && line.includes('b@x.example')) return '550 5.1.1 No such user';
      return step === 'end' ? 'cut' : undefined;
    };
    const { courier } = await upstream(script, { copies });
    const recipients = ['a@x.example', 'b@x.example', 'c@x.example'];
    const report = await courier.deliver(outgoing(undefined, { recipients }), patience);
    expect(report.recipients.map(({ code }) => code)).toEqual(['upstream-ambiguous', '5.1.1', 'upstream-ambiguous']);
    const all = recipients.map((address) => ({ address }));
    const [a, , c] = all;
    const sent = new Set([marker.of('m1', [a!, c!])]);
    expect(await copies.served('m1', all, sent)).toEqual([a, c]);
    expect(await copies.served('m2', all, sent)).toEqual([]);
  });

  it('after the final dot of the first of two transactions: the second is not ambiguous', async () => {
    const { courier } = await upstream((step) => (step === 'end' ? 'cut' : undefined));
    const recipients = Array.from({ length: 201 }, (_, n) => `u${n}@one.example`);
    const report = await courier.deliver(outgoing(undefined, { recipients }), patience);
    expect(report.recipients[0]!.code).toBe('upstream-ambiguous');
    expect(report.recipients[200]).toMatchObject({ outcome: 'temporary', code: 'upstream-unreachable' });
  });
});

describe('A connection that the server closed while it was idle', () => {
  it('costs no message: it goes over a new one at once', async () => {
    const { server, courier } = await upstream();
    await courier.deliver(outgoing(), patience);
    for (const socket of server.open) socket.destroy();
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(server.messages).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it.each<[Step, string]>([
    ['MAIL', 'cut'],
    ['RCPT', 'cut'],
    ['DATA', 'cut'],
    ['MAIL', '421 4.4.2 Connection timed out'],
  ])('and is found out at %s (%s)', async (at, reply) => {
    const { server, courier } = await upstream((step, { connection, transaction }) =>
      connection === 1 && transaction === 2 && step === at ? reply : undefined,
    );
    await courier.deliver(outgoing(), patience);
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(server.messages).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it('is not gone over again once the message has been begun', async () => {
    const { server, courier } = await upstream((step, { transaction }) =>
      transaction === 2 && step === 'end' ? 'cut' : undefined,
    );
    await courier.deliver(outgoing(), patience);
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]!.code).toBe('upstream-ambiguous');
    expect(server.connections).toBe(1);
  });

  it('is tried once on a new one, not for ever', async () => {
    const { server, courier } = await upstream((step, { connection, transaction }) =>
      step === 'MAIL' && (connection > 1 || transaction > 1) ? 'cut' : undefined,
    );
    await courier.deliver(outgoing(), patience);
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary' });
    expect(server.connections).toBe(2);
  });
});

describe('The server refuses', () => {
  it.each<[Step, string, string, string]>([
    ['connect', '554 5.7.1 No service for you', 'temporary', '5.7.1'],
    ['connect', '421 4.3.2 Service not available', 'temporary', '4.3.2'],
    ['EHLO', '421 4.7.66 TLS 1.0 and 1.1 are not supported', 'needs-admin', '4.7.66'],
    ['AUTH', '454 4.7.0 Temporary authentication failure', 'temporary', '4.7.0'],
    ['AUTH', '421 4.3.2 Service not available', 'temporary', '4.3.2'],
    ['AUTH', '550 5.1.1 nonsense', 'needs-admin', '5.1.1'],
    [
      'MAIL',
      '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM',
      'needs-admin',
      '5.7.57',
    ],
    ['MAIL', '451 4.7.500 Server busy. Please try again later', 'temporary', '4.7.500'],
    ['MAIL', '550 5.1.8 Access denied, bad outbound sender', 'needs-admin', '5.1.8'],
    ['DATA', '503 5.5.1 Bad sequence of commands', 'temporary', '5.5.1'],
    ['end', '550 5.7.60 SMTP; Client does not have permissions to send as this sender [HOST]', 'permanent', '5.7.60'],
    ['end', '432 4.3.2 Concurrent connections limit exceeded.', 'temporary', '4.3.2'],
    ['end', '550 unknown words', 'permanent', '550'],
    ['end', '450 unknown words', 'temporary', '450'],
  ])('at %s with %s: %s', async (at, reply, outcome, code) => {
    const { courier } = await upstream((step) => (step === at ? reply : undefined));
    const report = await courier.deliver(outgoing(undefined, { recipients: ['a@y.example', 'b@y.example'] }), patience);
    for (const recipient of report.recipients) {
      expect(recipient).toMatchObject({ outcome, code });
      expect(recipient.text).toContain(reply);
    }
  });

  it('the sender: recipients refused in its wake carry the reason of the sender', async () => {
    const { courier } = await upstream((step) => {
      if (step === 'MAIL') return '550 5.7.1 Sender refused';
      return step === 'RCPT' || step === 'DATA' ? '503 5.5.2 Need mail command' : undefined;
    });
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', text: '550 5.7.1 Sender refused' });
  });

  it('one recipient, then the message: each has its own reason', async () => {
    const { courier } = await upstream((step, { line }) => {
      if (step === 'RCPT' && line.includes('gone')) return '550 5.1.1 No such user';
      return step === 'end' ? '554 5.2.252 SendAsDenied; a not allowed to send as b' : undefined;
    });
    const recipients = ['gone@y.example', 'x@y.example'];
    const report = await courier.deliver(outgoing(undefined, { recipients }), patience);
    expect(report.recipients.map(({ code }) => code)).toEqual(['5.1.1', '5.2.252']);
  });

  it('with several lines: the words come on one', async () => {
    const { courier } = await upstream((step) =>
      step === 'end' ? '550-5.7.60 SMTP; Client does not have\r\n550 5.7.60 permissions to send' : undefined,
    );
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]!.text).toBe('550 5.7.60 SMTP; Client does not have permissions to send');
  });

  it('after a refused message the connection is reset and serves the next', async () => {
    const { server, courier } = await upstream((step, { transaction }) =>
      step === 'end' && transaction === 1 ? '550 5.7.60 no' : undefined,
    );
    await courier.deliver(outgoing(), patience);
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(server.connections).toBe(1);
    expect(verbs(server)).toEqual(['EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'RSET', 'MAIL', 'RCPT', 'DATA']);
  });

  it('while the message is still on its way: the rest is not sent as commands', async () => {
    const { server, courier } = await upstream((step, { connection }) =>
      step === 'body' && connection === 1 ? '552 5.3.4 Message too big' : undefined,
    );
    const report = await courier.deliver(outgoing(large), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: '5.3.4' });
    expect((await courier.deliver(outgoing(), patience)).recipients[0]).toMatchObject({ outcome: 'delivered' });
    expect(server.connections).toBe(2);
  });

  it('a message beyond the SIZE it announces is not sent', async () => {
    const { server, courier } = await upstream((step) =>
      step === 'EHLO' ? '250-x\r\n250-AUTH XOAUTH2\r\n250 SIZE 1000' : undefined,
    );
    const report = await courier.deliver(outgoing(large), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'permanent', code: 'message-too-large-for-smtp' });
    expect(verbs(server)).not.toContain('MAIL');
  });

  it('XOAUTH2 is not on offer: no token is shown', async () => {
    const { server, courier } = await upstream((step) =>
      step === 'EHLO' ? '250-x\r\n250 AUTH PLAIN LOGIN' : undefined,
    );
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: 'xoauth2-not-offered' });
    expect(verbs(server)).toEqual(['EHLO']);
  });

  it('C: AUTH XOAUTH2 - S: 334 error - C: (empty) - S: 535: the refusal counts', async () => {
    let asked = 0;
    const { server, courier } = await upstream((step, { line }) => {
      if (step === 'AUTH') return '334 eyJzdGF0dXMiOiI0MDAifQ==';
      if (step !== 'RSET' || line !== '') return undefined;
      asked += 1;
      return '535 5.7.3 Authentication unsuccessful';
    });
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'needs-admin', code: '5.7.3' });
    expect(asked).toBeGreaterThan(0);
    expect(JSON.stringify(report)).not.toContain('token-1');
    expect(server.lines).toContain('');
  });
});

describe('The attempt', () => {
  it('ends at once when it is given up, as temporary', async () => {
    const giveUp = new AbortController();
    const { courier } = await upstream((step) => {
      if (step !== 'RCPT') return undefined;
      giveUp.abort();
      return 'silence';
    });
    const report = await courier.deliver(outgoing(), giveUp.signal);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'delivery-aborted' });
  });

  it('given up while waiting for a connection leaves the others alone', async () => {
    const giveUp = new AbortController();
    const { server, courier } = await upstream(
      (step, { connection }) => (step === 'end' && connection === 1 ? 'silence' : undefined),
      { permits: new KeyedSemaphore(1) },
    );
    const leave = new AbortController();
    const first = courier.deliver(outgoing(), leave.signal);
    await expect.poll(() => verbs(server)).toContain('DATA');
    const second = courier.deliver(outgoing(), giveUp.signal);
    const third = courier.deliver(outgoing(), patience);
    giveUp.abort();
    expect((await second).recipients[0]).toMatchObject({ code: 'delivery-aborted' });
    leave.abort();
    expect((await first).recipients[0]).toMatchObject({ outcome: 'temporary' });
    expect((await third).recipients[0]).toMatchObject({ outcome: 'delivered' });
  });

  it('shares its permits with another, and once closed keeps no connection', async () => {
    const permits = new KeyedSemaphore(1);
    const { server, courier: old } = await upstream(undefined, { permits });
    const next = new ExchangeSmtpCourier({
      endpoint: { host: '127.0.0.1', port: server.port, security: 'none' },
      getToken: async () => 'token-2',
      marker,
      copies: copyNotes(),
      permits,
    });
    closers.unshift(() => next.close());
    await old.deliver(outgoing(), patience);
    expect(server.open.size).toBe(1);
    await old.close();
    const last = old.deliver(outgoing(), patience);
    await Promise.all([last, next.deliver(outgoing(), patience)]);
    expect(server.messages).toHaveLength(3);
    expect(verbs(server).filter((verb) => verb === 'AUTH' || verb === 'QUIT')).toEqual([
      ...['AUTH', 'QUIT'],
      ...['AUTH', 'QUIT'],
      'AUTH',
    ]);
  });

  it('ends when the server falls silent', async () => {
    const { courier } = await upstream((_step, { transaction }) => (transaction > 0 ? 'silence' : undefined), {
      silenceTimeoutMs: 200,
    });
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-timeout' });
  });

  it('ends when the server never greets', async () => {
    const { courier } = await upstream((step) => (step === 'connect' ? 'silence' : undefined), {
      connectTimeoutMs: 200,
    });
    const report = await courier.deliver(outgoing(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-timeout' });
  });
});
