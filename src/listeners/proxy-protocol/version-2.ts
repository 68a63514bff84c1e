import { canonicalAddress } from '../../accounts/networks.ts';
import { crc32c } from './crc32c.ts';
import { canBegin, type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const [versionAt, familyAt, lengthAt, fixedBytes] = [12, 13, 14, 16];
const local = 0x20;
const proxy = 0x21;

/** The specification sets no limit below 64 KiB; HAProxy and the clouds send a few hundred bytes. */
const maxHeaderBytes = 4096;

/** Where the extensions begin, by the byte of family and transport: after the addresses and ports of TCP. */
const ipv4 = 0x11;
const ipv6 = 0x21;
const extensionsAt: Readonly<Record<number, number>> = { [ipv4]: fixedBytes + 12, [ipv6]: fixedBytes + 36 };

const checksumType = 0x03;
const checksumBytes = 4;

/** The header a balancer sends if it connects on its own behalf. */
export const localHeader: Buffer = Buffer.concat([signature, Buffer.of(local, 0, 0, 0)]);

/** Tells whether a first byte is that of version 2; version 1 has another. */
export function isVersion2(octet: number | undefined): boolean {
  return octet === signature[0];
}

/**
 * Reads the binary form (section 2.2).
 * @returns undefined if more is needed
 * @throws ProxyHeaderError as soon as the data cannot be a header
 */
export function readVersion2(received: Buffer): ProxyHeader | undefined {
  if (!canBegin(signature, received)) throw new ProxyHeaderError('the connection begins with something else');
  const command = received[versionAt];
  if (command !== undefined && command !== local && command !== proxy) {
    throw new ProxyHeaderError('it is of another version, or has an unknown command');
  }
  if (received.length < fixedBytes) return undefined;
  const bytes = fixedBytes + received.readUInt16BE(lengthAt);
  if (bytes > maxHeaderBytes) throw new ProxyHeaderError(`it has more than ${maxHeaderBytes} octets`);
  if (received.length < bytes) return undefined;
  // Everything else in a LOCAL header is skipped, including its family.
  return { bytes, client: command === local ? undefined : clientOf(received.subarray(0, bytes)) };
}

/** No IP address is taken from UDP and UNIX sockets: the section lets a receiver treat them as unspecified. */
function clientOf(header: Buffer): string | undefined {
  const octet = header[familyAt] ?? 0;
  if (octet >> 4 > 3 || (octet & 0x0f) > 2) {
    throw new ProxyHeaderError('it names an unknown address family or transport');
  }
  const extensions = extensionsAt[octet];
  if (extensions === undefined) return undefined;
  if (header.length < extensions) throw new ProxyHeaderError('it is too short for its addresses');
  verifyExtensions(header, extensions);
  if (octet === ipv4) return header.subarray(fixedBytes, fixedBytes + 4).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => header.readUInt16BE(fixedBytes + 2 * index).toString(16));
  return canonicalAddress(groups.join(':'));
}

/** Skips the type-length-value vectors; verifies the checksum if there is one. */
function verifyExtensions(header: Buffer, from: number): void {
  for (let at = from; at < header.length; ) {
    const valueAt = at + 3;
    const end = valueAt <= header.length ? valueAt + header.readUInt16BE(at + 1) : valueAt;
    if (end > header.length) throw new ProxyHeaderError('an extension in it is cut off');
    if (header[at] === checksumType) verifyChecksum(header, valueAt, end);
    at = end;
  }
}

/** Section 2.2.3: over the whole header, with zeros in place of the checksum. */
function verifyChecksum(header: Buffer, valueAt: number, end: number): void {
  const zeroed = Buffer.from(header).fill(0, valueAt, end);
  if (end - valueAt !== checksumBytes || header.readUInt32BE(valueAt) !== crc32c(zeroed)) {
    throw new ProxyHeaderError('its checksum is wrong');
  }
}
