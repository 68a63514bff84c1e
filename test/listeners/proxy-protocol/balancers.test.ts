import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Client, type Listener, type ListenerLimits, listen } from '../../../src/listeners/listener.ts';
import { Balancers, sendLocalHeader } from '../../../src/listeners/proxy-protocol/balancers.ts';
import { turns, until } from '../../support/event-turns.ts';
import { needLoopbackAddresses } from '../../support/external.ts';
import { keptLog } from '../../support/kept-log.ts';
import { commands, families, proxiedV1, proxiedV2, version2 } from '../../support/proxy-headers.ts';

/** The address from which the balancer of these tests connects. */
const balancer = '127.0.0.5';
const elsewhere = '127.0.0.6';
const local = version2(commands.local, families.unspec);
const refusal = 'connection closed: no PROXY header';

const open = new Set<Socket>();

beforeEach(needLoopbackAddresses);

afterEach(() => {
  vi.useRealTimers();
  for (const socket of open) socket.destroy();
  open.clear();
});

interface World {
  readonly listener: Listener;
  /** The clients served, in order of arrival. */
  readonly clients: readonly Client[];
  readonly lines: ReturnType<typeof keptLog>['lines'];
  come(address: string, octets?: Buffer | string): Caller;
}

interface Caller {
  readonly socket: Socket;
  heard: string;
  ended: boolean;
}

/** A listener that greets with the client's address, and echoes. */
async function world(limits: Partial<ListenerLimits> = {}, from: readonly string[] = [balancer]): Promise<World> {
  const { log, lines } = keptLog();
  const clients: Client[] = [];
  const listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      security: 'none',
      proxyProtocol: { from },
      limits: { maxConnections: 50, maxConnectionsPerAddress: 50, loginTimeoutMs: 60_000, ...limits },
      log,
    },
    {
      name: 'smtp',
      rejection: (limit) => `too many: ${limit}\r\n`,
      async serve(client) {
        clients.push(client);
        client.socket.write(`hello ${client.remoteAddress}\r\n`);
        client.socket.on('end', () => client.socket.end());
        client.socket.pipe(client.socket, { end: false });
      },
    },
  );
  onTestFinished(() => listener.close(0));
  const come = (localAddress: string, octets?: Buffer | string): Caller => {
    const socket = connect({ port: listener.port, host: '127.0.0.1', localAddress, noDelay: true });
    const caller: Caller = { socket, heard: '', ended: false };
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      caller.heard += chunk;
    });
    for (const event of ['end', 'close']) socket.on(event, () => Object.assign(caller, { ended: true }));
    if (octets !== undefined) socket.write(octets);
    return caller;
  };
  return { listener, clients, lines, come };
}

async function hears(caller: Caller, what: string): Promise<void> {
  await until(() => caller.heard.includes(what) || caller.ended);
  expect(caller.heard).toContain(what);
}

describe('a connection from a balancer', () => {
  test.each([
    ['version 1', proxiedV1('203.0.113.7'), '203.0.113.7'],
    ['version 1, IPv6', proxiedV1('2001:db8:0:0::7'), '2001:db8::7'],
    ['version 2', proxiedV2('203.0.113.7'), '203.0.113.7'],
    ['version 2, IPv6', proxiedV2('2001:db8::7'), '2001:db8::7'],
    ['version 2, IPv4 inside IPv6', proxiedV2('::ffff:cb00:7107'), '203.0.113.7'],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), balancer],
    ['LOCAL', local, balancer],
    ['a UNIX socket', version2(commands.proxy, families.unix, Buffer.alloc(216)), balancer],
    ['a program on the balancer itself, both on this machine', proxiedV1('127.0.0.9'), '127.0.0.9'],
  ])('is that of its client: %s', async (_, header, address) => {
    const { come, clients, lines } = await world();
    const caller = come(balancer, Buffer.concat([header, Buffer.from('first words')]));
    await hears(caller, `hello ${address}\r\nfirst words`);
    expect(clients[0]?.remoteAddress).toBe(address);
    expect(lines).toEqual([]);
  });

  test('hears nothing before its header is there', async () => {
    const { come, clients } = await world();
    const caller = come(balancer);
    for (const octet of proxiedV2('203.0.113.7').subarray(0, -1)) {
      caller.socket.write(Buffer.of(octet));
      await turns(2);
    }
    await turns(20);
    expect([caller.heard, clients.length]).toEqual(['', 0]);
    caller.socket.write(proxiedV2('203.0.113.7').subarray(-1));
    await hears(caller, 'hello 203.0.113.7');
  });

  test('with something else is closed, and a line a minute says so', async () => {
    const { come, clients, lines } = await world();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (let count = 0; count < 5; count++) {
      const caller = come(balancer, 'EHLO x\r\n');
      await until(() => caller.ended);
      expect(caller.heard).toBe('');
    }
    expect(clients).toEqual([]);
    expect(lines).toMatchObject([
      { level: 40, protocol: 'smtp', client: balancer, msg: refusal, error: { code: 'proxy-header-invalid' } },
    ]);
    expect(JSON.stringify(lines)).not.toContain('EHLO');
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(1)).toMatchObject([{ msg: refusal, times: 4 }]);
  });

  test('without a header is closed after five seconds, or when the time to log in is over', async () => {
    for (const [loginTimeoutMs, lastsMs] of [
      [60_000, 5_000],
      [2_000, 2_000],
    ] as const) {
      const { come, lines } = await world({ loginTimeoutMs });
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const caller = come(balancer, 'PROXY TCP4');
      await once(caller.socket, 'connect');
      await turns(20);
      vi.advanceTimersByTime(lastsMs - 1);
      await turns(20);
      expect(caller.ended).toBe(false);
      vi.advanceTimersByTime(1);
      await until(() => caller.ended);
      vi.useRealTimers();
      expect(lines).toMatchObject([{ msg: refusal }]);
    }
  });

  test('that took its time with the header has so much less for the login', async () => {
    const { come, clients } = await world({ loginTimeoutMs: 10_000 });
    const caller = come(balancer);
    await new Promise((resolve) => setTimeout(resolve, 200));
    caller.socket.write(local);
    await hears(caller, 'hello');
    expect(clients[0]?.loginMsLeft()).toBeLessThan(9_810);
  });

  test.each([
    ['nothing', undefined],
    ['LOCAL', local],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
    ['a header of version 1', proxiedV1('203.0.113.7')],
  ])('that only looks whether the port is open leaves no line and no count: %s', async (_, octets) => {
    const { come, lines, clients } = await world({ maxConnectionsPerAddress: 1 });
    for (let count = 0; count < 10; count++) {
      for (const leave of ['end', 'resetAndDestroy'] as const) {
        const caller = come(balancer);
        await once(caller.socket, 'connect');
        if (octets) await new Promise<void>((resolve) => caller.socket.write(octets, () => resolve()));
        caller.socket[leave]();
        await until(() => caller.ended);
        await turns(10);
      }
    }
    await until(() => clients.every(({ socket }) => socket.destroyed));
    const after = come(balancer, local);
    await hears(after, 'hello');
    expect(lines).toEqual([]);
  });
});

test.each([
  ['127.0.0.1', '10.0.0.5', '10.0.0.5'],
  ['::1', '10.0.0.5', '10.0.0.5'],
  ['::ffff:7f00:0001', '10.0.0.5', '10.0.0.5'],
  ['127.0.0.1', '::1', '127.0.0.1'],
  ['203.0.113.7', '10.0.0.5', '203.0.113.7'],
])(
  '%s in the header of %s counts as %s: the loopback of another machine is not ours',
  async (client, peer, counted) => {
    const socket = new PassThrough();
    socket.write(proxiedV2(client));
    const balancers = new Balancers({ from: [peer] }, 1);
    expect(await balancers.clientOf(socket as unknown as Socket, peer, 1_000)).toBe(counted);
  },
);

describe('a connection from elsewhere', () => {
  test.each([
    ['version 1', proxiedV1('203.0.113.7')],
    ['version 2', proxiedV2('203.0.113.7')],
  ])('is that of a direct client, whatever it says: %s', async (_, header) => {
    const { come, clients } = await world();
    const caller = come(elsewhere, header);
    await hears(caller, `hello ${elsewhere}\r\n`);
    await hears(caller, header.toString());
    expect(clients[0]?.remoteAddress).toBe(elsewhere);
  });

  test('is served at once while balancers are waited for', async () => {
    const { come } = await world();
    come(balancer);
    await hears(come(elsewhere), `hello ${elsewhere}`);
  });
});

describe('limits', () => {
  test('of an address are those of the client, not of the balancer', async () => {
    const { come } = await world({ maxConnectionsPerAddress: 2 });
    for (let host = 1; host <= 6; host++) await hears(come(balancer, proxiedV2(`203.0.113.${host}`)), 'hello');
    await hears(come(balancer, proxiedV1('203.0.113.1')), 'hello');
    await hears(come(balancer, proxiedV1('203.0.113.1')), 'too many: address');
    // For IPv6, the network counts.
    for (const end of ['1', '2']) await hears(come(balancer, proxiedV2(`2001:db8::${end}`)), 'hello');
    await hears(come(balancer, proxiedV2('2001:db8::3')), 'too many: address');
    await hears(come(balancer, local), 'hello');
  });

  test('of all count a client behind a balancer like any other', async () => {
    const { come } = await world({ maxConnections: 2 });
    const first = come(balancer, proxiedV2('203.0.113.1'));
    await hears(first, 'hello');
    await hears(come(elsewhere), 'hello');
    await hears(come(balancer, proxiedV2('203.0.113.2')), 'too many: total');
    first.socket.destroy();
    await turns(20);
    await hears(come(balancer, proxiedV2('203.0.113.2')), 'hello');
  });

  test('silent connections from a balancer take nobody’s place: the oldest makes room, and is told in the log', async () => {
    const { come, lines } = await world({ maxConnections: 3, maxConnectionsPerAddress: 1 });
    const silent = [come(balancer), come(balancer), come(balancer)];
    for (const { socket } of silent) if (socket.connecting) await once(socket, 'connect');
    await turns(20);
    await hears(come(elsewhere), 'hello');
    await hears(come(balancer, proxiedV2('203.0.113.1')), 'hello');
    await until(() => silent.some(({ ended }) => ended));
    expect(silent.map(({ ended }) => ended)).toEqual([true, false, false]);
    await hears(come(balancer, proxiedV2('203.0.113.2')), 'hello');
    expect(lines).toMatchObject([{ msg: refusal, error: { code: 'proxy-header-invalid' } }]);
    expect(JSON.stringify(lines)).toContain('too many connections waited');
  });

  test('hundreds of connections whose headers come together are all served', async () => {
    const { come, lines } = await world({ maxConnections: 400, maxConnectionsPerAddress: 400 });
    const callers = Array.from({ length: 300 }, (_, index) => come(balancer, proxiedV2(`203.0.113.${index % 250}`)));
    for (const caller of callers) await hears(caller, 'hello');
    expect(lines).toEqual([]);
  });
});

test('a stop waits for no header, and says nothing of it', async () => {
  const { come, listener, lines } = await world();
  const callers = [come(balancer), come(balancer, 'PROXY TCP4 ')];
  for (const { socket } of callers) if (socket.connecting) await once(socket, 'connect');
  await turns(20);
  await listener.close(60_000);
  await until(() => callers.every(({ ended }) => ended));
  expect(lines).toEqual([]);
});

test('several networks of balancers, of IPv6 too', async () => {
  const { come } = await world({}, ['2001:db8::/32', '::ffff:127.0.0.4/127', '10.0.0.0/8']);
  await hears(come('127.0.0.4', proxiedV2('203.0.113.1')), 'hello 203.0.113.1');
  await hears(come(balancer, proxiedV2('203.0.113.1')), 'hello 203.0.113.1');
  await hears(come(elsewhere), `hello ${elsewhere}`);
});

describe('what connects to a listener of its own machine', () => {
  test.each([
    ['is a balancer for it: a LOCAL header', [balancer], local.toString('latin1')],
    ['is none: no header', [elsewhere], ''],
    ['nobody is: no header', undefined, ''],
  ])('%s', async (_, from, written) => {
    let octets = '';
    const socket = { localAddress: balancer, write: (chunk: Buffer) => (octets += chunk.toString('latin1')) };
    sendLocalHeader(socket as unknown as Socket, from && { from });
    expect(octets).toBe(written);
  });
});
