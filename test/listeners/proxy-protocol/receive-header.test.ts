import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { crc32c } from '../../../src/listeners/proxy-protocol/crc32c.ts';
import { type ProxyHeader, ProxyHeaderError } from '../../../src/listeners/proxy-protocol/proxy-header.ts';
import { readProxyHeader, receiveProxyHeader } from '../../../src/listeners/proxy-protocol/receive-header.ts';
import { localHeader } from '../../../src/listeners/proxy-protocol/version-2.ts';
import { turns } from '../../support/event-turns.ts';
import { commands, extension, families, proxiedV1, proxiedV2, version2 } from '../../support/proxy-headers.ts';

const { local, proxy } = commands;
const { unspec, tcp4, udp4, tcp6, udp6, unix } = families;

/** An address block with a checksum, correct or not. */
function withChecksum(change: (checksum: number) => number = (checksum) => checksum, bytes = 4): Buffer {
  const before = extension(0x01, Buffer.from('imap'));
  const header = proxiedV2('192.0.2.7', Buffer.concat([before, extension(0x03, Buffer.alloc(bytes))]));
  const whole = Buffer.from(header);
  whole.writeUInt32BE(change(crc32c(header)) >>> 0, header.length - 4);
  return whole;
}

/** Headers, and the client that each one names. */
const headers: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['version 1 of IPv4', proxiedV1('192.0.2.7'), '192.0.2.7'],
  ['version 1 of IPv6', proxiedV1('2001:db8::7'), '2001:db8::7'],
  [
    'version 1 of IPv6, every digit written',
    Buffer.from('PROXY TCP6 2001:0DB8:0:0:0:0:0:7 ::1 0 65535\r\n'),
    '2001:db8::7',
  ],
  ['version 1 of IPv4 inside IPv6', Buffer.from('PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.25 1 2\r\n'), '192.0.2.7'],
  ['version 1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  [
    'version 1, UNKNOWN with the longest line there is',
    Buffer.from(`PROXY UNKNOWN ${`${'ffff:'.repeat(7)}ffff `.repeat(2)}65535 65535\r\n`),
    undefined,
  ],
  ['version 2 of IPv4', proxiedV2('192.0.2.7'), '192.0.2.7'],
  ['version 2 of IPv6', proxiedV2('2001:db8::7'), '2001:db8::7'],
  ['version 2 of IPv4 inside IPv6', proxiedV2('::ffff:c000:0207'), '192.0.2.7'],
  ['version 2 with extensions', proxiedV2('192.0.2.7', extension(0xea, Buffer.from('\u0001vpce-7'))), '192.0.2.7'],
  ['version 2 with an empty extension', proxiedV2('2001:db8::7', extension(0x04, Buffer.alloc(0))), '2001:db8::7'],
  ['version 2 with its checksum', withChecksum(), '192.0.2.7'],
  [
    'version 2 of the greatest length',
    proxiedV2('192.0.2.7', extension(0x04, Buffer.alloc(4096 - 28 - 3))),
    '192.0.2.7',
  ],
  ['version 2, LOCAL', version2(local, unspec), undefined],
  ['version 2, LOCAL, with what is to be skipped', version2(local, 0xff, Buffer.from('anything')), undefined],
  ['version 2, LOCAL, with addresses', version2(local, tcp4, Buffer.alloc(12, 9)), undefined],
  ['version 2, UNSPEC', version2(proxy, unspec, Buffer.from('\xff\xff')), undefined],
  ['version 2 of a UNIX socket', version2(proxy, unix, Buffer.alloc(216, '/')), undefined],
  ['version 2 of UDP', version2(proxy, udp4, Buffer.alloc(12, 9)), undefined],
  ['version 2 of UDP over IPv6', version2(proxy, udp6, Buffer.alloc(36, 9)), undefined],
  ['version 2 of IPv4 over what is not named', version2(proxy, 0x10, Buffer.alloc(12, 9)), undefined],
  ['what mailbridge sends itself', localHeader, undefined],
];

/** Beginnings that are not a header, and why. */
const malformed: readonly (readonly [string, Buffer, RegExp])[] = [
  ['a command', Buffer.from('EHLO x\r\n'), /begins with something else/],
  ['a TLS handshake', Buffer.from('16030100c8010000c40303', 'hex'), /begins with something else/],
  ['a NUL', Buffer.from('\0'), /begins with something else/],
  ['the word in small letters', Buffer.from('proxy TCP4 192.0.2.7 192.0.2.25 1 2\r\n'), /begins with something else/],
  ['nothing behind the word', Buffer.from('PROXY\r\n'), /begins with something else/],
  ['an empty line of version 1', Buffer.from('PROXY \r\n'), /another form/],
  ['another protocol', Buffer.from('PROXY UDP4 192.0.2.7 192.0.2.25 1 2\r\n'), /another form/],
  ['a word that begins like UNKNOWN', Buffer.from('PROXY UNKNOWNS\r\n'), /another form/],
  ['two blanks', Buffer.from('PROXY  TCP4 192.0.2.7 192.0.2.25 1 2\r\n'), /another form/],
  ['a blank at the end', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 1 2 \r\n'), /another form/],
  ['a tab', Buffer.from('PROXY TCP4\t192.0.2.7 192.0.2.25 1 2\r\n'), /another form/],
  ['no ports', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25\r\n'), /another form/],
  ['a port too many', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 1 2 3\r\n'), /another form/],
  ['a negative port', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 -1 2\r\n'), /another form/],
  ['a port beyond 65535', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 65536 2\r\n'), /a port that is none/],
  ['a port with a leading zero', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 1 025\r\n'), /a port that is none/],
  ['an address with leading zeros', Buffer.from('PROXY TCP4 192.0.02.7 192.0.2.25 1 2\r\n'), /two IPv4 addresses/],
  ['a part beyond 255', Buffer.from('PROXY TCP4 192.0.2.256 192.0.2.25 1 2\r\n'), /two IPv4 addresses/],
  ['a name', Buffer.from('PROXY TCP4 localhost 192.0.2.25 1 2\r\n'), /two IPv4 addresses/],
  ['a bad destination', Buffer.from('PROXY TCP4 192.0.2.7 here 1 2\r\n'), /two IPv4 addresses/],
  ['IPv6 as TCP4', Buffer.from('PROXY TCP4 2001:db8::7 2001:db8::25 1 2\r\n'), /two IPv4 addresses/],
  ['IPv4 as TCP6', Buffer.from('PROXY TCP6 192.0.2.7 192.0.2.25 1 2\r\n'), /two IPv6 addresses/],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n'), /two IPv6 addresses/],
  ['two gaps', Buffer.from('PROXY TCP6 2001::db8::7 ::1 1 2\r\n'), /two IPv6 addresses/],
  ['a line that ends with LF', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 1 2\nEHLO x\r\n'), /not end with CRLF/],
  ['UNKNOWN that ends with LF', Buffer.from('PROXY UNKNOWN\nEHLO x\r\n'), /not end with CRLF/],
  ['a line that ends with CR', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.25 1 2\rEHLO x\r\n'), /not end with CRLF/],
  ['a line of 108 octets', Buffer.from(`${'PROXY UNKNOWN'.padEnd(106, ' x')}\r\n`), /not end with CRLF/],
  ['a line without an end', Buffer.from('PROXY UNKNOWN'.padEnd(107, ' x')), /more than 107 octets/],
  ['a signature that is not one', Buffer.from('\r\n\r\n\0\r\nQUIX'), /begins with something else/],
  ['version 1 in the form of version 2', version2(0x11, tcp4, Buffer.alloc(12)), /another version/],
  ['version 3', version2(0x31, tcp4, Buffer.alloc(12)), /another version/],
  ['an unknown command', version2(0x22, tcp4, Buffer.alloc(12)), /unknown command/],
  ['an unknown family', version2(proxy, 0x41, Buffer.alloc(12)), /unknown address family/],
  ['an unknown transport', version2(proxy, 0x13, Buffer.alloc(12)), /unknown address family/],
  ['too little for IPv4', version2(proxy, tcp4, Buffer.alloc(11)), /too short/],
  ['too little for IPv6', version2(proxy, tcp6, Buffer.alloc(35)), /too short/],
  ['more than 4096 octets', proxiedV2('192.0.2.7', extension(0x04, Buffer.alloc(4097 - 28 - 3))), /more than 4096/],
  ['LOCAL of more than 4096 octets', version2(local, unspec, Buffer.alloc(4081)), /more than 4096/],
  ['an extension without its length', proxiedV2('192.0.2.7', Buffer.from('0400', 'hex')), /cut off/],
  ['an extension that is cut off', proxiedV2('192.0.2.7', Buffer.from('04000501', 'hex')), /cut off/],
  ['a wrong checksum', withChecksum((checksum) => checksum + 1), /checksum/],
  ['a checksum of five octets', withChecksum((checksum) => checksum, 5), /checksum/],
  ['an empty checksum', proxiedV2('192.0.2.7', extension(0x03, Buffer.alloc(0))), /checksum/],
];

/** The result of reading octets, or why they are refused. */
function read(received: Buffer): ProxyHeader | undefined | string {
  try {
    return readProxyHeader(received);
  } catch (error) {
    if (error instanceof ProxyHeaderError) return error.message;
    throw error;
  }
}

test('CRC32c is that of the standard', () => {
  // RFC 9260 has none; these are from RFC 3720 appendix B.4.
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

describe.each(headers)('%s', (_, header, client) => {
  test('names the client, and ends where the client’s own octets begin', () => {
    expect(read(header)).toEqual({ bytes: header.length, client });
    for (const rest of ['E', 'EHLO x\r\n', 'PROXY UNKNOWN\r\n', '\r\n']) {
      expect(read(Buffer.concat([header, Buffer.from(rest)]))).toEqual({ bytes: header.length, client });
    }
  });

  test('is not read before its last octet', () => {
    for (let length = 0; length < header.length; length++) {
      expect(read(header.subarray(0, length)), `${length} octets`).toBeUndefined();
    }
  });
});

describe.each(malformed)('%s', (_, octets, why) => {
  test('is no header, however much of it came', () => {
    expect(read(octets)).toMatch(why);
    expect(read(Buffer.concat([octets, Buffer.from('\r\nEHLO x\r\n')]))).toMatch(why);
  });

  test('is never taken for one, nor waited for beyond the longest', () => {
    for (let length = 0; length < octets.length; length++) {
      expect([undefined, read(octets)]).toContain(read(octets.subarray(0, length)));
    }
  });
});

test('what can be no header is known at the first octet that is wrong', () => {
  const first = (octets: Buffer) =>
    Array.from(octets.keys(), (at) => at + 1).find((length) => typeof read(octets.subarray(0, length)) === 'string');
  expect(first(Buffer.from('EHLO x\r\n'))).toBe(1);
  expect(first(Buffer.from('PROXX TCP4'))).toBe(5);
  expect(first(Buffer.from('\r\n\r\n\0\r\nQUIX'))).toBe(11);
  expect(first(version2(0x11, tcp4))).toBe(13);
  expect(first(version2(local, unspec, Buffer.alloc(5000)))).toBe(16);
});

test('octets at random are a header, no header, or wait for more: nothing else happens, and at most 4096 are waited for', () => {
  const valid = fc.constantFrom(...headers.map(([, octets]) => octets), ...malformed.map(([, octets]) => octets));
  const mutated = fc
    .tuple(valid, fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 40 }))
    .map(([octets, at, by, more]) => {
      const changed = Buffer.concat([octets, more]);
      const index = at % octets.length;
      changed[index] = (changed[index] ?? 0) ^ by;
      return changed;
    });
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 5_000 }).map((array) => Buffer.from(array)),
    mutated,
  );
  fc.assert(
    fc.property(octets, (received) => {
      const result = read(received);
      if (result === undefined) expect(received.length).toBeLessThan(4096);
      else if (typeof result === 'object') expect(result.bytes).toBeLessThanOrEqual(received.length);
    }),
    { numRuns: 5_000 },
  );
});

/** A socket that is given octets, as the kernel does. */
class FakeSocket extends Duplex {
  constructor() {
    super({ allowHalfOpen: true, read() {}, write: (_chunk, _encoding, done) => done() });
    this.on('error', () => {});
    this.pause();
  }

  receive(timeoutMs = 1_000) {
    const result = receiveProxyHeader(this as unknown as Socket, timeoutMs);
    result.catch(() => {});
    return result;
  }

  async rest(): Promise<string> {
    await turns(3);
    return String(this.read() ?? '');
  }
}

afterEach(() => void vi.useRealTimers());

describe('off a socket', () => {
  test.each(headers)('%s is taken however it is cut, and what follows stays', async (_, header, client) => {
    const whole = Buffer.concat([header, Buffer.from('EHLO x\r\n')]);
    const cuts = header.length > 300 ? [1, 16, 300, header.length - 1, header.length] : whole.keys();
    for (const cut of cuts) {
      const socket = new FakeSocket();
      const received = socket.receive();
      if (cut > 0) socket.push(whole.subarray(0, cut));
      await turns(1);
      socket.push(whole.subarray(cut));
      expect(await received).toEqual({ bytes: header.length, client });
      expect(await socket.rest()).toBe('EHLO x\r\n');
      expect(socket.destroyed).toBe(false);
    }
  });

  test('every octet may come by itself', async () => {
    for (const header of [proxiedV1('2001:db8::7'), proxiedV2('2001:db8::7')]) {
      const socket = new FakeSocket();
      const received = socket.receive();
      for (const octet of header) {
        socket.push(Buffer.of(octet));
        await turns(1);
      }
      expect(await received).toMatchObject({ client: '2001:db8::7' });
      expect(await socket.rest()).toBe('');
    }
  });

  test('the end of the connection right behind the header does not lose it', async () => {
    const socket = new FakeSocket();
    const received = socket.receive();
    socket.push(Buffer.concat([proxiedV2('192.0.2.7'), Buffer.from('QUIT\r\n')]));
    socket.push(null);
    expect(await received).toMatchObject({ client: '192.0.2.7' });
    expect(await socket.rest()).toBe('QUIT\r\n');
  });

  test.each(malformed)('%s closes it', async (_, octets, why) => {
    const socket = new FakeSocket();
    const received = socket.receive();
    socket.push(octets);
    await expect(received).rejects.toThrow(why);
    expect(socket.destroyed).toBe(true);
  });

  test('a connection that ends without a word is no fault; within a header it is', async () => {
    for (const [octets, result] of [
      ['', undefined],
      ['PROXY TCP4', expect.any(ProxyHeaderError)],
    ] as const) {
      for (const leave of [(socket: Duplex) => void socket.push(null), (socket: Duplex) => void socket.destroy()]) {
        const socket = new FakeSocket();
        const received = socket.receive();
        if (octets !== '') socket.push(octets);
        await turns(1);
        leave(socket);
        expect(await received.catch((error: unknown) => error)).toEqual(result);
        expect(socket.destroyed).toBe(true);
      }
    }
  });

  test('a broken connection is an end like any other', async () => {
    const socket = new FakeSocket();
    const received = socket.receive();
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    expect(await received).toBeUndefined();
  });

  test('half a header is waited for as long as was said, and not a moment longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (const octets of [Buffer.alloc(0), Buffer.from('PROXY TC'), proxiedV2('192.0.2.7').subarray(0, 20)]) {
      const socket = new FakeSocket();
      const received = socket.receive(5_000);
      if (octets.length > 0) socket.push(octets);
      await turns(2);
      vi.advanceTimersByTime(4_999);
      expect(socket.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      await expect(received).rejects.toThrow('it did not come within 5 seconds');
      expect(socket.destroyed).toBe(true);
    }
  });
});
