import { isIP } from 'node:net';
import { canonicalAddress } from '../../accounts/networks.ts';
import { canBegin, type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';

const start = Buffer.from('PROXY ');
/** Section 2.1: the longest line, including its CRLF. */
const maxLineBytes = 107;
const unknown = /^PROXY UNKNOWN(?: .*)?$/;
const proxied = /^PROXY TCP([46]) (\S+) (\S+) (\d+) (\d+)$/;
const port = /^(?:0|[1-9]\d{0,4})$/;

/**
 * Reads the text form (section 2.1).
 * @returns undefined if more is needed
 * @throws ProxyHeaderError as soon as the data cannot be a header
 */
export function readVersion1(received: Buffer): ProxyHeader | undefined {
  if (!canBegin(start, received)) throw new ProxyHeaderError('the connection begins with something else');
  const text = received.toString('latin1', 0, maxLineBytes);
  const end = text.search(/[\r\n]/);
  const isPartial = end < 0 || (text[end] === '\r' && end === text.length - 1);
  if (isPartial && text.length < maxLineBytes) return undefined;
  if (end < 0) throw new ProxyHeaderError(`its line has more than ${maxLineBytes} octets`);
  if (!text.startsWith('\r\n', end)) throw new ProxyHeaderError('its line does not end with CRLF');
  return { bytes: end + 2, client: clientOf(text.slice(0, end)) };
}

function clientOf(line: string): string | undefined {
  if (unknown.test(line)) return undefined;
  const [, family, source = '', destination = '', ...ports] = proxied.exec(line) ?? [];
  if (family === undefined) throw new ProxyHeaderError('its line has another form than version 1 says');
  if (![source, destination].every((address) => isAddress(address, Number(family)))) {
    throw new ProxyHeaderError(`its line holds something else than two IPv${family} addresses`);
  }
  if (!ports.every(isPort)) throw new ProxyHeaderError('its line holds a port that is none');
  return canonicalAddress(source);
}

function isAddress(text: string, family: number): boolean {
  return isIP(text) === family && !text.includes('%');
}

function isPort(text: string): boolean {
  return port.test(text) && Number(text) <= 65_535;
}
