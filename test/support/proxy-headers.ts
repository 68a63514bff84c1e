import { isIPv6 } from 'node:net';

/** From the specification, byte by byte. */
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export const commands = { local: 0x20, proxy: 0x21 } as const;

/** Family and transport, the fourteenth byte. */
export const families = { unspec: 0x00, tcp4: 0x11, udp4: 0x12, tcp6: 0x21, udp6: 0x22, unix: 0x31 } as const;

/** A version 2 header around any bytes. */
export function version2(command: number, family: number, rest: Buffer = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.alloc(4);
  fixed.writeUInt8(command, 0);
  fixed.writeUInt8(family, 1);
  fixed.writeUInt16BE(rest.length, 2);
  return Buffer.concat([signature, fixed, rest]);
}

/** HAProxy's header with `send-proxy-v2`. */
export function proxiedV2(source: string, extensions: Buffer = Buffer.alloc(0)): Buffer {
  const destination = isIPv6(source) ? '2001:db8::25' : '192.0.2.25';
  const ports = Buffer.from('dbbc0019', 'hex');
  const addresses = Buffer.concat([octetsOf(source), octetsOf(destination), ports]);
  return version2(
    commands.proxy,
    isIPv6(source) ? families.tcp6 : families.tcp4,
    Buffer.concat([addresses, extensions]),
  );
}

/** HAProxy's header with `send-proxy`. */
export function proxiedV1(source: string): Buffer {
  const destination = isIPv6(source) ? '2001:db8::25' : '192.0.2.25';
  return Buffer.from(`PROXY TCP${isIPv6(source) ? 6 : 4} ${source} ${destination} 56252 25\r\n`);
}

/** A type-length-value vector. */
export function extension(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

/** The bytes of an address. */
function octetsOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(missing).fill('0'), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
