import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { needLoopbackAddresses } from '../support/external.ts';
import { keptLog } from '../support/kept-log.ts';
import { commands, families, proxiedV1, proxiedV2, version2 } from '../support/proxy-headers.ts';
import {
  alice,
  arrived,
  contosoAccount,
  contosoConfig,
  password,
  type Relay,
  relayFrom,
  reports,
  startContoso,
  until,
} from '../support/relay.ts';

beforeEach(needLoopbackAddresses);

const balancer = '127.0.0.5';
const elsewhere = '127.0.0.6';
/** The network of an account that sends without a password. */
const office = '203.0.113.0/24';

const protocols = ['smtp', 'imap', 'pop3'] as const;
const securities = ['none', 'starttls', 'tls'] as const;
type Protocol = (typeof protocols)[number];
type Security = (typeof securities)[number];

const places = protocols.flatMap((protocol) => securities.map((security) => ({ protocol, security })));
/** The listener that accepts no password without TLS. */
const cautious = places.length;

let relay: Relay;
const { log, lines } = keptLog();

beforeAll(async () => {
  const simulator = await startContoso();
  const listener = { port: 0, proxyProtocol: { from: [balancer] } };
  const config = contosoConfig(simulator, {
    listeners: [
      ...places.map((place) => ({ ...listener, ...place, allowInsecureAuth: place.security === 'none' })),
      { ...listener, protocol: 'smtp', security: 'none' },
    ],
    accounts: [
      contosoAccount('smtp', { username: 'scanner', read: 'imap' }),
      { username: 'office', networks: [office], connection: 'contoso', mailbox: reports, send: 'smtp' },
    ],
    limits: { loginFailures: 2, loginFailuresPerAddress: 2 },
  });
  relay = await relayFrom(simulator, config, log);
});

afterAll(() => relay?.close());

function portOf(protocol: Protocol, security: Security): number {
  return relay.port(places.findIndex((place) => place.protocol === protocol && place.security === security));
}

/** A connection passed on by a balancer: the header is sent in one packet with the client's first octets. */
class Passed {
  #heard = '';
  #stream: Duplex;
  #ended = false;

  constructor(port: number, header: Buffer, { from = balancer, tls = false } = {}) {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    onTestFinished(() => void socket.destroy());
    this.#stream = this.#listen(tls ? secured(behind(header, socket)) : socket);
    if (!tls) socket.write(header);
  }

  #listen(stream: Duplex): Duplex {
    stream.on('error', () => {});
    stream.on('data', (chunk) => {
      this.#heard += chunk.toString('latin1');
    });
    for (const event of ['end', 'close']) {
      stream.on(event, () => {
        this.#ended = true;
      });
    }
    return stream;
  }

  async hears(what: RegExp): Promise<string> {
    await until(`${what}`, () => what.test(this.#heard) || this.#ended);
    const heard = this.#heard;
    expect(heard).toMatch(what);
    this.#heard = '';
    return heard;
  }

  async says(line: string, answer: RegExp): Promise<string> {
    this.#stream.write(`${line}\r\n`);
    return await this.hears(answer);
  }

  startTls(): void {
    this.#stream.removeAllListeners('data');
    this.#stream = this.#listen(secured(this.#stream));
  }
}

function secured(stream: Duplex): Duplex {
  return connectTls({ socket: stream, rejectUnauthorized: false });
}

/** Puts the header before the first octets written. */
function behind(header: Buffer, socket: Socket): Duplex {
  let ahead = header;
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      socket.write(Buffer.concat([ahead, chunk]), done);
      ahead = Buffer.alloc(0);
    },
  });
  socket.on('data', (chunk) => stream.push(chunk)).on('end', () => stream.push(null));
  return stream;
}

const greeting = { smtp: /^220 /, imap: /^\* OK /, pop3: /^\+OK / } as const;

/** Reads until a login can follow. */
async function open(protocol: Protocol, security: Security, header: Buffer): Promise<Passed> {
  const client = new Passed(portOf(protocol, security), header, { tls: security === 'tls' });
  await client.hears(greeting[protocol]);
  if (security === 'starttls') {
    if (protocol === 'smtp') await client.says('EHLO x', /^250 /m);
    const [line, answer] = (
      { smtp: ['STARTTLS', /^220 /], imap: ['a STARTTLS', /^a OK /], pop3: ['STLS', /^\+OK /] } as const
    )[protocol];
    await client.says(line, answer);
    client.startTls();
  }
  if (protocol === 'smtp') await client.says('EHLO x', /^250 /m);
  return client;
}

async function logIn(client: Passed, protocol: Protocol, given: string, granted: boolean): Promise<void> {
  const plain = Buffer.from(`\0scanner\0${given}`).toString('base64');
  if (protocol === 'pop3') await client.says('USER scanner', /^\+OK/);
  const [line, yes, no] = (
    {
      smtp: [`AUTH PLAIN ${plain}`, /^235 /, /^(535|421|454) /],
      imap: [`b LOGIN scanner "${given}"`, /^b OK /m, /^b NO |^\* BYE/m],
      pop3: [`PASS ${given}`, /^\+OK/, /^-ERR/],
    } as const
  )[protocol];
  await client.says(line, granted ? yes : no);
}

async function send(client: Passed, mark: string): Promise<void> {
  await client.says(`MAIL FROM:<${reports}>`, /^250 /);
  await client.says(`RCPT TO:<${alice}>`, /^250 /);
  await client.says('DATA', /^354 /);
  await client.says(`From: ${reports}\r\nSubject: ${mark}\r\n\r\nx\r\n.`, /^250 /);
}

let hosts = 0;

/** A client address not seen before. */
function freshClient(): string {
  hosts++;
  return `198.51.100.${hosts}`;
}

describe.each(places)('a login by $protocol (security $security)', ({ protocol, security }) => {
  test.each([
    ['version 1', proxiedV1, freshClient()],
    ['version 2', proxiedV2, freshClient()],
    ['version 2 of IPv6', proxiedV2, `2001:db8:1:${++hosts}::7`],
  ])('is one of the client that the header names: %s', async (_, header, address) => {
    const client = await open(protocol, security, header(address));
    await logIn(client, protocol, password, true);
    if (protocol === 'smtp') await send(client, `for ${address}`);
    const told = await until(`a line of ${address}`, () => lines.find((line) => line.client === address));
    expect(told.msg).toBe(protocol === 'smtp' ? 'accepted' : 'mailbox opened');
    if (protocol === 'smtp') {
      const message = await arrived(relay.simulator, alice, 'INBOX', `for ${address}`);
      expect(message.toString('latin1')).toContain(`([${address.includes(':') ? 'IPv6:' : ''}${address}])`);
      expect(message.toString('latin1')).not.toContain(balancer);
    }
  });
});

test.each(protocols)(
  'a login by %s that fails counts against its client, not against others behind the balancer',
  async (protocol) => {
    const guesser = freshClient();
    for (const guess of ['one', 'two']) {
      await logIn(await open(protocol, 'starttls', proxiedV2(guesser)), protocol, guess, false);
    }
    await logIn(await open(protocol, 'starttls', proxiedV2(guesser)), protocol, password, false);
    await logIn(await open(protocol, 'starttls', proxiedV1(freshClient())), protocol, password, true);
    const failures = lines.filter(({ client, msg }) => client === guesser && msg.startsWith('login refused'));
    expect(failures.length).toBe(3);
  },
);

describe('sending without a password', () => {
  test('is for the clients in the network, by the header', async () => {
    const client = new Passed(portOf('smtp', 'none'), proxiedV2('203.0.113.9'));
    await client.hears(/^220 /);
    await client.says('EHLO x', /^250 /m);
    await send(client, 'from the office');
    const message = await arrived(relay.simulator, alice, 'INBOX', 'from the office');
    expect(message.toString('latin1')).toContain('([203.0.113.9])');
  });

  test.each([
    ['a client elsewhere', proxiedV2('198.51.100.200'), balancer],
    ['a health check', version2(commands.local, families.unspec), balancer],
    ['who says so in a line of their own', proxiedV1('203.0.113.9'), elsewhere],
  ])('is not for %s', async (_, header, from) => {
    const client = new Passed(portOf('smtp', 'none'), header, { from });
    // If the header is not read, its line is an unknown command.
    await client.hears(from === balancer ? /^220 / : /^220 [\s\S]*^500 /m);
    await client.says('EHLO x', /^250 /m);
    await client.says(`MAIL FROM:<${reports}>`, /^530 /m);
  });

  test('is not for who says so in binary: the signature holds QUIT', async () => {
    const client = new Passed(portOf('smtp', 'none'), proxiedV2('203.0.113.9'), { from: elsewhere });
    await client.hears(/^220 [\s\S]*^221 /m);
  });
});

test('a password is taken without TLS from this machine alone, which a client behind a balancer on it is not', async () => {
  for (const [header, offered] of [
    [proxiedV2('198.51.100.201'), false],
    [Buffer.from('PROXY UNKNOWN\r\n'), true],
  ] as const) {
    const client = new Passed(relay.port(cautious), header);
    await client.hears(/^220 /);
    expect((await client.says('EHLO x', /^250 /m)).includes('AUTH')).toBe(offered);
  }
});
