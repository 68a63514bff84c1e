import { randomBytes } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { isValidAddress } from '../address/address.ts';
import { hostToken } from '../safe-text.ts';
import { foreignDate, isHeaderDate } from './date.ts';
import type { HeaderBlock } from './fields.ts';

/** Fields that every message needs (RFC 5322 section 3.6) and simple devices omit. Message-ID is a SHOULD there. */
export type RepairableField = 'Date' | 'Message-ID' | 'From';

/** What {@link repairHeader} can add. */
export interface RepairOptions {
  /** Value for a missing Date. */
  readonly date: Date;
  /** Domain of a generated Message-ID. */
  readonly domain: string;
  /** Address for a missing From; if absent, From is not added. */
  readonly from?: string;
  /** Whole fields to put before all others in any case (`Received`). */
  readonly prefix?: string;
  /** Message-ID to add; default a random one. */
  readonly messageId?: string;
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns the needed fields that are missing, empty or unreadable. */
export function fieldsToRepair(header: HeaderBlock): RepairableField[] {
  const isSound = { Date: isHeaderDate, 'Message-ID': isMessageId, From: () => true };
  return (['Date', 'Message-ID', 'From'] as const).filter((name) => {
    const value = header.get(name);
    return !value || !isSound[name](value);
  });
}

/**
 * Returns the header with missing fields added after its last one, or undefined if nothing needs to change. Empty or
 * unreadable fields are replaced.
 */
export function repairHeader(header: HeaderBlock, options: RepairOptions): Buffer | undefined {
  const lines = new Map<string, string>();
  for (const name of fieldsToRepair(header)) {
    const value = repairedValue(name, header.get(name) ?? '', options);
    if (value !== undefined) lines.set(name.toLowerCase(), `${name}: ${value}\r\n`);
  }
  const whole = header.hasEmptyLine && header.mboxLine === undefined;
  if (whole && lines.size === 0 && !options.prefix) return undefined;
  return header.edit({
    prefix: options.prefix ?? '',
    suffix: [...lines.values()].join(''),
    drop: ({ key }) => lines.has(key),
  });
}

function repairedValue(name: RepairableField, broken: string, options: RepairOptions): string | undefined {
  if (name === 'Date') return formatDate(foreignDate(broken) ?? options.date);
  if (name === 'Message-ID') return bracketed(broken) ?? options.messageId ?? makeMessageId(options.domain);
  const { from } = options;
  return from !== undefined && isValidAddress(from, { smtpUtf8: true }) ? from : undefined;
}

function isMessageId(value: string): boolean {
  return /^(?:\([^()]*\)\s*)?<[^<>]+>/.test(value);
}

/** Returns the Message-ID of a header, or, if {@link repairHeader} has to add one, the one to add. */
export function soundMessageId(header: HeaderBlock, domain: string): string {
  const value = header.get('Message-ID') ?? '';
  const own = isMessageId(value) ? /<[^<>]+>/.exec(value)?.[0] : bracketed(value);
  return own ?? makeMessageId(domain);
}

/** `1234@device`, which only lacks the brackets. */
function bracketed(value: string): string | undefined {
  return /^[!-;=?A-~]+@[!-;=?A-~]+$/.test(value) ? `<${value}>` : undefined;
}

/**
 * Formats a date according to RFC 5322 section 3.3: `Mon, 05 Jan 2026 07:08:09 +0000`.
 * @param offsetMinutes the time zone to write it in, minutes east of UTC
 */
export function formatDate(date: Date, offsetMinutes = 0): string {
  const local = new Date(date.getTime() + offsetMinutes * 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const zone = Math.abs(offsetMinutes);
  const sign = offsetMinutes < 0 ? '-' : '+';
  const day = `${days[local.getUTCDay()]}, ${two(local.getUTCDate())} ${months[local.getUTCMonth()]}`;
  const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
  return `${day} ${local.getUTCFullYear()} ${time} ${sign}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
}

/** Creates a Message-ID with its angle brackets: 144 random bits at the domain (RFC 5322 section 3.6.4). */
export function makeMessageId(domain: string): string {
  return `<${randomBytes(18).toString('base64url')}@${hostToken(domain, 'localhost')}>`;
}

/** The content of a `Received` field. */
export interface ReceivedFacts {
  readonly from: {
    /** The client's name in EHLO or HELO; it can be anything. */
    readonly helo: string;
    /** The client's IP address. */
    readonly address: string;
  };
  /** Our own host name. */
  readonly by: string;
  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA` … (RFC 3848, RFC 6531 section 4.3). */
  readonly with: string;
  /** The queue id. */
  readonly id: string;
  /** The recipient, if there is only one: several would be disclosed to each other. */
  readonly forAddress?: string;
  readonly date: Date;
}

/** Creates a whole `Received` field, folded, with its line end (RFC 5321 section 4.4). No input can break out of it. */
export function receivedField(facts: ReceivedFacts): string {
  const isSafeFor = facts.forAddress !== undefined && isValidAddress(facts.forAddress, { smtpUtf8: true });
  return [
    `Received: from ${hostToken(facts.from.helo, 'unknown')} (${addressLiteral(facts.from.address)})`,
    `by ${hostToken(facts.by, 'localhost')}`,
    `with ${hostToken(facts.with, 'SMTP')} id ${hostToken(facts.id, 'none')}`,
    ...(isSafeFor ? [`for <${facts.forAddress}>`] : []),
  ]
    .join('\r\n\t')
    .concat(`; ${formatDate(facts.date)}\r\n`);
}

/** Formats an IP address for use in place of a host name (RFC 5321 section 4.1.3). */
export function addressLiteral(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*/s, '');
  if (isIPv4(plain)) return `[${plain}]`;
  return isIPv6(plain) ? `[IPv6:${plain}]` : 'unknown';
}
