import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { InUse } from '../../src/base/in-use.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { ConnectionCouriers, loadCouriers, smtpPermitsOf } from '../../src/couriers/connection-couriers.ts';
import { probeConnection } from '../../src/couriers/connection-probe.ts';
import { enhancedStatus } from '../../src/couriers/enhanced-status.ts';
import { couriers } from '../../src/couriers/registry.ts';
import { type CourierKind, courierKinds } from '../../src/message/courier-kind.ts';
import { courierTraits } from '../queue/courier-traits.ts';
import type { Behaviour, ContractUpstream, OpenContractUpstream } from './contract-upstream.ts';
import { openContractUpstream as openExchangeSmtp } from './exchange-smtp/contract-upstream.ts';
import { openContractUpstream as openGraph } from './graph/contract-upstream.ts';
import { copyNotes, marker, outgoing, patience, unmarked } from './outgoing.ts';

/** The upstream of each courier. */
const upstreams: Readonly<Record<CourierKind, OpenContractUpstream>> = { graph: openGraph, smtp: openExchangeSmtp };

const recipients = ['a@fabrikam.com', 'b@fabrikam.com'];
const content =
  'From: Reports <reports@contoso.com>\r\nTo: a@fabrikam.com, b@fabrikam.com\r\nSubject: Hello\r\n\r\n.\r\nHello.\r\n';
const message = () => outgoing(content, { recipients });

type GetToken = () => Promise<string>;

/** A courier of a connection, made as the bridge makes it, with an upstream that behaves this way. */
async function courierTo(kind: CourierKind, behaviour: Behaviour, { onWhole, getToken }: Whims = {}) {
  const upstream = await upstreams[kind](behaviour, onWhole);
  const { http, endpoints } = upstream;
  const made = new ConnectionCouriers({
    modules: await loadCouriers(),
    http,
    clock: systemClock,
    endpoints,
    sessions: {},
    getToken: getToken ?? (async () => 'token-1'),
    smtpLogin: undefined,
    actsFor: async (mailbox) => mailbox,
    sendAs: 'mailbox',
    retry: { mode: 'status-codes', statusCodes: [429, 432, 503], maxAttempts: 3, waitMs: 1, multiplyWait: true },
    graphMimeBytes: 2_000_000,
    smtpPermits: smtpPermitsOf(),
    memory: { marker, copies: copyNotes() },
    settleMs: 60_000,
    inUse: new InUse(),
  });
  let isThere = true;
  const vanish = async () => {
    await made.leaveIdle();
    if (isThere) await upstream.vanish();
    isThere = false;
  };
  onTestFinished(async () => {
    await vanish();
    await upstream.close();
  });
  return { courier: made.of(kind, { envelope: 'auto', onAmbiguity: 'resend' }), upstream, vanish };
}

interface Whims {
  readonly onWhole?: () => void;
  readonly getToken?: GetToken;
}

const probe = (part: Parameters<typeof probeConnection>[0], { http, endpoints }: ContractUpstream) =>
  probeConnection(part, { http, endpoints, clock: systemClock, sessions: {}, getToken: async () => 'token-1' });

describe.each(courierKinds)('The courier %s', (kind) => {
  const descriptor = couriers[kind];
  const hostPart = descriptor.parts.at(-1)!;

  test('hands over a message octet for octet, behind the marker, once for all recipients', async () => {
    const { courier, upstream } = await courierTo(kind, 'takes');
    const report = await courier.deliver(message(), patience);
    expect(report.recipients).toMatchObject(recipients.map((address) => ({ address, outcome: 'delivered' })));
    expect(report.pauseMailboxMs).toBeUndefined();
    expect(upstream.taken().map((octets) => unmarked(octets).toString())).toEqual([content]);
  });

  test('says of a busy upstream that it is tried again', async () => {
    const { courier, upstream } = await courierTo(kind, 'busy');
    const report = await courier.deliver(message(), patience);
    expect(report.recipients).toMatchObject(recipients.map((address) => ({ address, outcome: 'temporary' })));
    expect(report.recipients.map(enhancedStatus)).toEqual(recipients.map(() => expect.stringMatching(/^4\.\d+\.\d+$/)));
    expect(upstream.taken()).toEqual([]);
  });

  test('says of a refusal that it is for good, in the words of the upstream and with the mailbox in the remedy', async () => {
    const { courier } = await courierTo(kind, 'refuses');
    const report = await courier.deliver(message(), patience);
    for (const recipient of report.recipients) {
      expect(recipient).toMatchObject({ outcome: 'permanent', text: expect.stringMatching(/^\d{3} /) });
      expect(recipient.remedy).toMatch(/'reports@contoso\.com'/);
      expect(recipient.remedy).not.toMatch(/\b(?:MAILBOX|LOGIN|ADDRESS)\b/);
      expect(enhancedStatus(recipient)).toMatch(/^5\.7\.\d+$/);
    }
    expect(report.pauseMailboxMs).toBeUndefined();
  });

  test('pauses the mailbox as long as the upstream wants to be left alone, and sleeps through nothing', async () => {
    const { courier, upstream } = await courierTo(kind, 'throttles');
    const report = await courier.deliver(message(), patience);
    const { throttledMs: retryAfterMs } = upstream;
    expect(report).toMatchObject({ pauseMailboxMs: retryAfterMs });
    expect(report.recipients).toMatchObject(recipients.map(() => ({ outcome: 'temporary', retryAfterMs })));
    expect(upstream.came()).toBe(1);
  });

  test('says of a connection cut after the whole message that it may have been delivered', async () => {
    const { courier, upstream } = await courierTo(kind, 'cuts');
    const report = await courier.deliver(message(), patience);
    for (const recipient of report.recipients) {
      expect(recipient).toMatchObject({ outcome: 'temporary', code: 'upstream-ambiguous' });
      expect(recipient.text).toMatch(/may have been delivered/);
    }
    expect(upstream.came()).toBe(1);
  });

  test('given up while the answer to the whole message is awaited, leaves it ambiguous', async () => {
    const giveUp = new AbortController();
    const { courier } = await courierTo(kind, 'falls silent', { onWhole: () => giveUp.abort() });
    const report = await courier.deliver(message(), giveUp.signal);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-ambiguous' });
  });

  test('given up before it began, sends nothing', async () => {
    const { courier, upstream } = await courierTo(kind, 'takes');
    const report = await courier.deliver(message(), AbortSignal.abort());
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'delivery-aborted' });
    expect(upstream.came()).toBe(0);
  });

  test.each([
    [new BridgeError('token-temporarily-unavailable', 'Entra ID is busy.'), 'temporary', undefined],
    [new BridgeError('token-refused', 'AADSTS7000222: secret expired.'), 'needs-admin', 60_000],
    [new BridgeError('client-certificate-invalid', 'Not PEM.'), 'needs-admin', 60_000],
    [new Error('a defect'), 'temporary', undefined],
  ] as const)('comes to nobody without a token: %s', async (error, outcome, pauseMailboxMs) => {
    const { courier, upstream } = await courierTo(kind, 'takes', { getToken: () => Promise.reject(error) });
    const report = await courier.deliver(message(), patience);
    const code = error instanceof BridgeError ? error.code : 'token-temporarily-unavailable';
    expect(report.recipients[0]).toMatchObject({ outcome, code });
    expect(report.pauseMailboxMs).toBe(pauseMailboxMs);
    expect(report.trouble).toMatchObject({ part: descriptor.parts[0], isSure: true });
    expect(upstream.came()).toBe(0);
  });

  test('blames the connection where nobody listens, and names the address', async () => {
    const { courier, upstream, vanish } = await courierTo(kind, 'takes');
    expect(await probe(hostPart, upstream)).toBeUndefined();
    await vanish();
    const report = await courier.deliver(message(), patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'upstream-unreachable' });
    expect(report.recipients[0]!.text).toContain(upstream.peer);
    for (const trouble of [report.trouble, await probe(hostPart, upstream)]) {
      expect(trouble).toMatchObject({ part: hostPart, code: 'upstream-unreachable', isSure: true });
    }
  });

  test('keeps a message that cannot be read', async () => {
    const { courier, upstream } = await courierTo(kind, 'takes');
    const report = await courier.deliver({ ...message(), open: () => Readable.from(failing()) }, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'message-unreadable' });
    expect(upstream.taken()).toEqual([]);
  });

  test.each([-5, 5])('never passes a part for the whole: a message %i octets off is not sent', async (off) => {
    const { courier, upstream } = await courierTo(kind, 'takes');
    const report = await courier.deliver({ ...message(), size: message().size + off }, patience);
    expect(report.recipients[0]).toMatchObject({ outcome: 'temporary', code: 'message-unreadable' });
    expect(upstream.taken()).toEqual([]);
    expect((await courier.deliver(message(), patience)).recipients[0]).toMatchObject({ outcome: 'delivered' });
  });

  test('is as its descriptor, the queue and the documents say', () => {
    expect(descriptor).toMatchObject(courierTraits[kind]);
    const errors = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');
    for (const { title, rows } of descriptor.refusals) {
      expect(errors).toContain(`## ${title}\n`);
      for (const [said] of rows) expect(errors).toContain(`| ${said} |`);
    }
    expect(descriptor.hostName({ graph: 'https://graph.x.example:1/', imap: at('imap'), smtp: at('smtp') })).toBe(
      `${hostPart}.x.example`,
    );
  });
});

const at = (name: string) => ({ host: `${name}.x.example`, port: 1, security: 'tls' }) as const;

// biome-ignore lint/correctness/useYield: it fails before it has anything to give
async function* failing(): AsyncGenerator<Buffer> {
  throw new Error('EIO: the disk');
}

test('no message is accepted that no courier takes, and none goes to Graph in one request that is too large for one', () => {
  const schema = JSON.stringify(configJsonSchema());
  const maximumOf = (key: string) => Number(new RegExp(`"${key}":\\{[^}]*?"maximum":(\\d+)`).exec(schema)?.[1]);
  const most = Math.max(...Object.values(couriers).map(({ maxMimeBytes }) => maxMimeBytes));
  expect(maximumOf('maxMessageMegabytes') * 1024 * 1024).toBe(most);
  expect(maximumOf('graphMimeKilobytes') * 1024).toBe(couriers.graph.maxMimeBytes);
});
